"""What a document, or a byte, took in a finished run: the rates of `dspipe plan`, as JSON.

    python -m benchmarks.rates RUN --measured "where and when" > pipeline/estimate/rates.json

The table that dspipe comes with is of the run of `configs/cc.yaml` over a made crawl (`benchmarks.dump`), all dumps at
once. `dspipe plan --rates RUN` takes a run's rates without this.
"""

import json
from dataclasses import replace

from benchmarks.common import bare_parser


def main() -> None:
    """Print them."""
    from dspipe import api

    options = bare_parser(__doc__.splitlines()[0])
    options.add_argument("run", metavar="RUN")
    options.add_argument("--measured", help="on what machine, by what, when; default: the run's name and place")
    given = options.parse_args()
    rates = api.rates(given.run)
    print(json.dumps(replace(rates, measured=given.measured or rates.measured).as_json(), indent=1))


if __name__ == "__main__":
    main()
