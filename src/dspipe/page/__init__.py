"""The page of a run: everything that can be seen of it, as one HTML file that needs nothing else.

gather.py       reads the columns once and puts the parts together: what `dspipe.pipeline.inspection` finds in them
flow.py         the funnel as a flow, in documents, bytes and tokens
reasons.py      why documents were dropped, with a few of them
duplicates.py   deduplication by dump, the largest clusters, kept and dropped texts beside one another
mixture.py      the mixture that was asked for and the one that is drawn, and what binds it
fertility.py    what the tokenizer makes of each language and domain
work.py         time by stage, the slowest shards, bad records by error
render.py       the HTML, from templates/ and static/

Each part has `as_json()`, so that other programs can show it too.
"""
