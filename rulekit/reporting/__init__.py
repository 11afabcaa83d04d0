"""Telling what happens: console, live view, JSON lines. Listens only; nothing here decides.

A listener is a callable of one event (see `rulekit.events`). It may have `flush()`, which the
engine calls before it waits, and `close()`, called at the end of the run.
"""
