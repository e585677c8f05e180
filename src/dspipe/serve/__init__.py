"""`dspipe serve`: a folder of runs as a local web application that only reads.

server.py        the address, the socket, the token: what the command does
application.py   which address is answered by what
guard.py         who is let in, and what a browser may do with the answers
runs_folder.py   which runs there are: no address reaches a file but through these
work.py          long computations: in threads, a few at once, each once for a state of a run
pages.py         HTML from templates, everything escaped; JSON; errors as a sentence
views/           a file a page, with the JSON that its script asks for
templates/ static/
"""
