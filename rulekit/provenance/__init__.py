"""What was true when a job last succeeded: the store, and the journal in front of it.

facts     what is known of a job before it starts, and together with its result
store     the SQLite file: records, attempts, runs
journal   the text file of one run: intents, starts, results
recover   what a killed run left behind
locks     which run holds which files
owner     which process of which host something belongs to
"""
