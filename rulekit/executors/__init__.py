"""Where jobs run. `local`: on this machine, by one runner process that outlives the engine."""
