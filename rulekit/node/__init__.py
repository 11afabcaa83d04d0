"""Orders on any machine that has Python: fetch inputs, run jobs, store outputs, tell the result.

Standard library, `rulekit.model` and `rulekit.runner` only: this room travels to the nodes of a
cloud, and runs jobs with stored files on this machine (docs/design/azure.md).

    orders     what an order holds: made by the driver, checked by the node
    work       an order from begin to end
    jobs       its jobs, one after the other or joined by pipes
    site       the working directory of an order, and the jobs as they are run there
    fetch      inputs into the working directory
    store      outputs and logs into the storage
    container  a job's command in a container of its own
    blob, entries, web, identity   the storage service over `http.client`
    lanes      calls side by side while signals are listened to
    seal       secrets that travel in two halves
    sources    what rules need beside their inputs, packed and unpacked
    archive    the program that travels
    prepare, task   what a node of Azure Batch does, once and for each task
"""
