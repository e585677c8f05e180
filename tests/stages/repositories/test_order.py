"""The order of files, against Algorithm 1 of DeepSeek-Coder in plain lines."""

from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.repositories.order import in_order_of_imports

GRAPHS = st.integers(1, 12).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=30))
)


def algorithm_1(files: int, imports: set[tuple[int, int]]) -> list[list[int]]:
    """As it is printed; what comes first where the paper leaves it open: the file with the smallest number."""
    depends = {pair for pair in imports if pair[0] != pair[1]}
    graphs = {b: [a for a in range(files) if (a, b) in depends] for b in range(files)}
    in_degree = {a: sum((a, b) in depends for b in range(files)) for a in range(files)}
    subgraphs: list[set[int]] = []
    for file in range(files):
        together = [graph for graph in subgraphs if any((file, x) in depends or (x, file) in depends for x in graph)]
        subgraphs = [graph for graph in subgraphs if graph not in together] + [{file}.union(*together)]
    all_results = []
    for subgraph in sorted(subgraphs, key=min):
        results: list[int] = []
        while len(results) != len(subgraph):
            file = min((in_degree[file], file) for file in subgraph if file not in results)[1]
            for node in graphs[file]:
                in_degree[node] -= 1
            results.append(file)
        all_results.append(results)
    return all_results


@given(GRAPHS)
def test_against_algorithm_1(graph: tuple[int, list[tuple[int, int]]]) -> None:
    files, imports = graph
    assert in_order_of_imports(files, imports) == algorithm_1(files, set(imports))


@given(GRAPHS)
def test_without_cycles_imports_come_first(graph: tuple[int, list[tuple[int, int]]]) -> None:
    files, imports = graph
    downwards = [(max(pair), min(pair)) for pair in imports]
    parts = in_order_of_imports(files, downwards)
    place = {file: (number, position) for number, part in enumerate(parts) for position, file in enumerate(part)}
    assert sorted(place) == list(range(files))
    assert all(place[one][0] == place[other][0] for one, other in downwards)
    assert all(place[one] > place[other] for one, other in downwards if one != other)


def test_a_cycle_begins_where_fewest_imports_are_open() -> None:
    # 0 and 1 import each other, 1 imports 2 as well
    assert in_order_of_imports(4, [(0, 1), (1, 0), (1, 2)]) == [[2, 0, 1], [3]]


def test_a_repository_of_fifty_thousand_files() -> None:
    """Each imports the next one and the first: a cycle of all."""
    chain = [(number, number + 1) for number in range(49_999)] + [(number, 0) for number in range(50_000)]
    (part,) = in_order_of_imports(50_000, chain)
    assert sorted(part) == list(range(50_000))
