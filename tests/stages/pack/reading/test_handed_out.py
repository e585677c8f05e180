import os
import pickle
import sys

import pytest

from dspipe.stages.pack.reading.handed_out import HandedOut


def test_a_forked_process_sets_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torchdata.stateful_dataloader", raising=False)
    mark = HandedOut()
    mark.refuse_to_guess()
    child = os.fork()
    if child == 0:
        mark.set()
        os._exit(0)
    os.waitpid(child, 0)
    with pytest.raises(ValueError, match=r"call state_dict\(samples\)"):
        mark.refuse_to_guess()
    pickle.loads(pickle.dumps(mark)).refuse_to_guess()
    mark.clear()
    mark.refuse_to_guess()


def test_torchdatas_loader_may_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchdata.stateful_dataloader", sys)
    mark = HandedOut()
    mark.set()
    mark.refuse_to_guess()
