"""The table of all options: names, how many words they take, help, and what becomes of them.

One row an option:

    (names, dest, arity, metavar, kind, origin, level, help, then)

names    blank-separated, the first is the one shown
dest     attribute of `rulekit.cli.parse.Options`
arity    "0" flag | "1" one word | "?" at most one | "*" any | "+" at least one | "2" | "append"
kind     how a word is read: text, path, int, number, cores, jobs, size, rate, or the choices,
         separated by "|"
origin   "9" and "7": the Snakemake release that has the name; "r": rulekit's own. An abbreviation
         that fits several options means the one that Snakemake 9 would have taken
level    "daily" (short help) | "more" (`--help-all`) | "hidden"
then     "" it works | "silent" nothing depends on it here | "note: ..." accepted, and one line is
         said | "refuse: ..." ignoring it would change results: an error with what to use instead |
         "later" | "later: ..." refused as not available in this version, with what to do now

The table is one constant, so that a warm start reads it without running any code.
"""

from __future__ import annotations

Row = tuple[str, str, str, str, str, str, str, str, str]

# fmt: off
GROUPS: tuple[tuple[str, tuple[Row, ...]], ...] = (
    (
        "what to do",
        (
            ("--dry-run --dryrun -n", "dry_run", "0", "", "", "9", "daily", "show what would run and why; write nothing", ""),
            ("--cores -c", "cores", "?", "N|all", "cores", "9", "daily", "cores to use at once (needed for a real run)", ""),
            ("--jobs -j", "jobs", "?", "N", "jobs", "9", "daily", "another name for --cores in a local run", ""),
            ("--snakefile --rulefile -s", "rulefile", "1", "FILE", "path", "9", "daily", "the rule file (default: Rulefile, Snakefile, ...)", ""),
            ("--directory -d", "directory", "1", "DIR", "path", "9", "daily", "work in this directory; made if it is missing", ""),
            ("--keep-going -k", "keep_going", "0", "", "", "9", "daily", "after a failure go on with independent jobs", ""),
            ("--touch -t", "touch", "0", "", "", "9", "more", "mark outputs as up to date instead of making them", ""),
            ("--retries --restart-times -T", "retries", "1", "N", "int", "9", "daily", "try a failing job N more times", ""),
            ("--profile", "profile", "append", "NAME", "text", "9", "daily", "options from a profile; may be repeated; `none` for none", ""),
            ("--workflow-profile", "workflow_profile", "1", "PATH", "text", "9", "more", "the workflow's own profile (default: profiles/default); `none` for none", ""),
            ("--executor -e", "executor", "1", "NAME", "text", "9", "more", "where jobs run: local, azure-batch, cluster-generic, dryrun, touch", ""),
            ("--keep-incomplete", "keep_incomplete", "0", "", "", "9", "more", "keep the outputs of failed jobs", ""),
            ("--shadow-prefix", "shadow_prefix", "1", "DIR", "path", "9", "more", "where shadow directories are made", ""),
            ("--no-hooks", "no_hooks", "0", "", "", "9", "more", "do not call onstart, onsuccess, onerror", ""),
            ("--wrapper-prefix", "wrapper_prefix", "1", "PREFIX", "text", "9", "more", "where wrappers are found", ""),
            ("--edit-notebook", "edit_notebook", "1", "FILE", "text", "9", "more", "edit a notebook rule interactively", ""),
            ("--draft-notebook", "draft_notebook", "1", "FILE", "text", "9", "more", "write a notebook's skeleton", ""),
            ("--notebook-listen", "notebook_listen", "1", "IP:PORT", "text", "9", "more", "address of the notebook server", ""),
        ),
    ),
    (
        "which jobs",
        (
            ("--force -f", "force", "0", "", "", "9", "daily", "run the jobs of the given targets, stale or not", ""),
            ("--forceall -F", "forceall", "0", "", "", "9", "daily", "run all jobs", ""),
            ("--forcerun -R", "forcerun", "*", "TARGET", "text", "9", "daily", "run these rules or files and what depends on them", ""),
            ("--until -U", "until", "+", "TARGET", "text", "9", "daily", "only up to these rules or files", ""),
            ("--omit-from -O", "omit_from", "+", "TARGET", "text", "9", "daily", "leave out these and all that depends on them", ""),
            ("--allowed-rules", "allowed_rules", "+", "RULE", "text", "9", "more", "only these rules may take part", ""),
            ("--batch", "batch", "1", "RULE=I/N", "text", "9", "more", "only the I-th of N parts of the rule's inputs", ""),
            ("--rerun-triggers", "rerun_triggers", "+", "WHAT", "mtime|params|input|software-env|code", "9", "daily", "what makes a job stale (default: all)", ""),
            ("--consider-ancient", "consider_ancient", "+", "RULE=ITEMS", "text", "9", "more", "inputs, by name or number, that never count as newer", ""),
            ("--prioritize -P", "prioritize", "+", "TARGET", "text", "9", "more", "these, and what they need, first", ""),
            ("--allow-ambiguity -a", "allow_ambiguity", "0", "", "", "9", "more", "if two rules make a file take the first", ""),
            ("--strict-dag-evaluation", "strict_dag_evaluation", "+", "WHAT", "cyclic-graph|functions|periodic-wildcards", "9", "more", "errors instead of silently dropping a candidate rule", ""),
            ("--rerun-incomplete --ri", "rerun_incomplete", "0", "", "", "9", "more", "not needed: incomplete files are always made again", "note: is not needed: incomplete files are always made again"),
            ("--ignore-incomplete --ii", "ignore_incomplete", "0", "", "", "9", "more", "take incomplete files for complete ones", ""),
            ("--max-checksum-file-size", "max_checksum_file_size", "1", "SIZE", "size", "9", "more", "largest input whose content is compared (default: 1 MB)", ""),
            ("--target-jobs", "target_jobs", "+", "RULE:W=V", "text", "9", "hidden", "jobs by rule and wildcards", ""),
            ("--target-files-omit-workdir-adjustment", "target_files_omit_workdir_adjustment", "0", "", "", "9", "hidden", "take target files as they are", "silent"),
            ("--no-subworkflows --nosw", "no_subworkflows", "0", "", "", "9", "hidden", "old", "silent"),
            ("--unneeded-temp-files", "unneeded_temp_files", "+", "FILE", "text", "9", "hidden", "internal", "silent"),
            ("--omit-flags", "omit_flags", "+", "FLAG", "text", "9", "hidden", "internal", "refuse: is an internal option of Snakemake's remote jobs"),
        ),
    ),
    (
        "asking",
        (
            ("--why", "why", "+", "TARGET", "text", "r", "daily", "why this is made again, or why not", ""),
            ("--list-rules --list -l", "list_rules", "0", "", "", "9", "daily", "list the rules", ""),
            ("--list-target-rules --lt", "list_target_rules", "0", "", "", "9", "more", "list the rules without wildcards", ""),
            ("--summary -S", "summary", "0", "", "", "9", "daily", "table of the files and their state", ""),
            ("--detailed-summary -D", "detailed_summary", "0", "", "", "9", "more", "the same with inputs and commands", ""),
            ("--dag", "dag", "?", "FORM", "dot|mermaid-js", "9", "daily", "the graph of jobs as dot or mermaid-js", ""),
            ("--rulegraph", "rulegraph", "?", "FORM", "dot|mermaid-js", "9", "daily", "the graph of rules", ""),
            ("--filegraph", "filegraph", "0", "", "", "9", "more", "the graph of rules with their files, as dot", ""),
            ("--list-changes --lc", "list_changes", "?", "WHAT", "code|input|params", "9", "more", "outputs made with other code, input or params", ""),
            ("--list-code-changes", "list_code_changes", "0", "", "", "7", "more", "as --list-changes code", ""),
            ("--list-input-changes --li", "list_input_changes", "0", "", "", "9", "more", "as --list-changes input", ""),
            ("--list-params-changes --lp", "list_params_changes", "0", "", "", "9", "more", "as --list-changes params", ""),
            ("--list-version-changes --lv", "list_version_changes", "0", "", "", "7", "hidden", "old: lists nothing", "silent"),
            ("--list-untracked --lu", "list_untracked", "0", "", "", "9", "more", "files in the directory that no job names", ""),
            ("--lint", "lint", "?", "FORM", "text|json", "9", "more", "look for bad style, as Snakemake does; `rulekit lint` looks for more", ""),
            ("--report", "report", "?", "FILE", "text", "9", "more", "write a page (or .zip) of the results flagged by report()", ""),
            ("--report-after-run", "report_after_run", "0", "", "", "9", "hidden", "report at the end of the run", ""),
            ("--report-stylesheet", "report_stylesheet", "1", "FILE", "path", "9", "hidden", "style of the report", ""),
            ("--report-metadata", "report_metadata", "1", "FILE", "path", "9", "hidden", "metadata of the report", ""),
            ("--report-html-path", "report_html_path", "1", "FILE", "path", "9", "hidden", "path of the report", "silent"),
            ("--report-html-stylesheet-path", "report_html_stylesheet_path", "1", "FILE", "path", "9", "hidden", "style of the report", "silent"),
            ("--reporter", "reporter", "1", "NAME", "text", "9", "hidden", "kind of report", "later"),
            ("--d3dag", "d3dag", "0", "", "", "9", "hidden", "the graph as JSON", "refuse: is not supported: use `rulekit graph --json`"),
            ("--gui", "gui", "?", "PORT", "text", "7", "hidden", "old", "refuse: is gone, as in Snakemake 8: use `rulekit graph --svg` and `rulekit status`"),
            ("--dump-workflow", "dump_workflow", "?", "FILE", "path", "r", "more", "the whole workflow as it was understood, as JSON", ""),
            ("--print-compilation", "print_compilation", "0", "", "", "9", "hidden", "the rule file as Python", "refuse: is not supported, as rulekit makes no Python text of a rule file: use --dump-workflow"),
            ("--help -h", "help", "0", "", "", "9", "daily", "this text; --help-all has every option", ""),
            ("--help-all", "help_all", "0", "", "", "r", "more", "every option", ""),
            ("--version -v", "version", "0", "", "", "9", "daily", "print the version", ""),
        ),
    ),
    (
        "configuration",
        (
            ("--config -C", "config", "*", "KEY=VALUE", "text", "9", "daily", "set values of `config`", ""),
            ("--configfile --configfiles", "configfile", "+", "FILE", "path", "9", "daily", "files that override those of the workflow", ""),
            ("--replace-workflow-config", "replace_workflow_config", "0", "", "", "9", "more", "ignore the workflow's own config files", ""),
            ("--envvars", "envvars", "+", "NAME", "text", "9", "more", "environment variables that remote jobs get", ""),
        ),
    ),
    (
        "resources",
        (
            ("--resources --res", "resources", "*", "NAME=N", "text", "9", "daily", "limits on the sum over running jobs", ""),
            ("--default-resources --default-res", "default_resources", "*", "NAME=VALUE", "text", "9", "more", "for rules that do not say", ""),
            ("--set-threads", "set_threads", "+", "RULE=N", "text", "9", "more", "override a rule's threads", ""),
            ("--set-resources", "set_resources", "+", "RULE:NAME=VALUE", "text", "9", "more", "override a rule's resources", ""),
            ("--set-scatter", "set_scatter", "+", "NAME=N", "text", "9", "more", "override the parts of a scatter process", ""),
            ("--set-resource-scopes", "set_resource_scopes", "+", "NAME=SCOPE", "text", "9", "more", "local, global or excluded", ""),
            ("--max-threads", "max_threads", "1", "N", "int", "9", "more", "no job gets more threads", ""),
            ("--max-jobs-per-timespan", "max_jobs_per_timespan", "1", "N/TIME", "rate", "9", "more", "limit of starts, as 100/1s", ""),
            ("--max-jobs-per-second", "max_jobs_per_second", "1", "N", "number", "9", "more", "old form of the same", ""),
            ("--local-cores", "local_cores", "1", "N", "int", "9", "hidden", "cores for local rules in a remote run", ""),
            ("--scheduler", "scheduler", "?", "NAME", "text", "9", "hidden", "ilp or greedy", "silent"),
            ("--scheduler-ilp-solver", "scheduler_ilp_solver", "1", "NAME", "text", "9", "hidden", "a solver", "silent"),
            ("--scheduler-ilp-solver-path", "scheduler_ilp_solver_path", "1", "PATH", "path", "9", "hidden", "a solver", "silent"),
            ("--scheduler-solver-path", "scheduler_solver_path", "1", "PATH", "path", "9", "hidden", "a solver", "silent"),
            ("--scheduler-greediness --greediness", "scheduler_greediness", "1", "X", "number", "9", "hidden", "0 to 1", "silent"),
            ("--scheduler-greedy-greediness", "scheduler_greedy_greediness", "1", "X", "number", "9", "hidden", "0 to 1", "silent"),
            ("--scheduler-greedy-omit-prioritize-by-temp-and-input", "scheduler_greedy_omit", "0", "", "", "9", "hidden", "of Snakemake's scheduler", "silent"),
            ("--scheduler-subsample", "scheduler_subsample", "1", "N", "int", "9", "hidden", "of Snakemake's scheduler", "silent"),
            ("--groups", "groups", "+", "RULE=GROUP", "text", "9", "more", "groups for remote jobs", ""),
            ("--group-components", "group_components", "+", "GROUP=N", "text", "9", "more", "parts of a group joined into one job", ""),
            ("--local-groupid", "local_groupid", "1", "ID", "text", "9", "hidden", "internal", "silent"),
            ("--preemptible-rules", "preemptible_rules", "*", "RULE", "text", "9", "hidden", "for remote runs", "silent"),
            ("--preemptible-retries --preemption-default", "preemptible_retries", "1", "N", "int", "9", "hidden", "for remote runs", "silent"),
        ),
    ),
    (
        "output",
        (
            ("--printshellcmds -p", "printshellcmds", "0", "", "", "9", "daily", "print the commands", ""),
            ("--quiet -q", "quiet", "*", "WHAT", "progress|rules|reason|host|all", "9", "daily", "say less (default: progress and rules)", ""),
            ("--verbose", "verbose", "0", "", "", "9", "daily", "say more", ""),
            ("--nocolor --no-color", "nocolor", "0", "", "", "9", "daily", "no colours, no live view", ""),
            ("--progress", "progress", "1", "HOW", "auto|live|plain|none", "r", "daily", "live view or plain lines (default: auto, by the terminal)", ""),
            ("--plain", "plain", "0", "", "", "r", "more", "the same as --progress plain", ""),
            ("--show-failed-logs", "show_failed_logs", "0", "", "", "9", "daily", "print the whole log of a failed job", ""),
            ("--log-json", "log_json", "1", "FILE", "path", "r", "daily", "write all events as JSON lines (`-` is stdout)", ""),
            ("--logger", "logger", "+", "NAME", "text", "9", "more", "`json`: events as JSON lines instead of text", ""),
            ("--reason -r", "reason", "0", "", "", "7", "hidden", "always on", "silent"),
            ("--debug-dag", "debug_dag", "0", "", "", "9", "more", "how each job was chosen", "note: prints nothing here: `rulekit why TARGET` shows how a job was chosen"),
            ("--stats", "stats", "1", "FILE", "path", "7", "hidden", "old", "note: is gone, as in Snakemake 8: --log-json FILE has each job's times"),
            ("--log-handler-script", "log_handler_script", "1", "FILE", "path", "7", "hidden", "old", "note: is gone, as in Snakemake 8: --log-json FILE has all events"),
            ("--log-service", "log_service", "1", "NAME", "text", "7", "hidden", "old", "note: is gone, as in Snakemake 8: --log-json FILE has all events"),
            ("--wms-monitor", "wms_monitor", "?", "URL", "text", "7", "hidden", "old", "note: is gone, as in Snakemake 8: --log-json FILE has all events"),
            ("--wms-monitor-arg", "wms_monitor_arg", "*", "NAME=VALUE", "text", "7", "hidden", "old", "silent"),
            ("--bash-completion", "bash_completion", "0", "", "", "7", "hidden", "as `rulekit completion bash`", ""),
            ("--benchmark-extended", "benchmark_extended", "0", "", "", "9", "more", "more columns in benchmark files", ""),
        ),
    ),
    (
        "files",
        (
            ("--latency-wait --output-wait -w", "latency_wait", "1", "SECONDS", "number", "9", "more", "wait for outputs of slow file systems (default: 5)", ""),
            ("--notemp --no-temp --nt", "notemp", "0", "", "", "9", "more", "keep temporary files", ""),
            ("--all-temp", "all_temp", "0", "", "", "9", "more", "treat every output as temporary", ""),
            ("--cleanup-metadata --cm", "cleanup_metadata", "+", "FILE", "text", "9", "more", "forget how these files were made", ""),
            ("--cleanup-shadow", "cleanup_shadow", "0", "", "", "9", "more", "remove left-over shadow directories", ""),
            ("--delete-all-output", "delete_all_output", "0", "", "", "9", "more", "delete all outputs (with -n: list them)", ""),
            ("--delete-temp-output", "delete_temp_output", "0", "", "", "9", "more", "delete temporary outputs", ""),
            ("--unlock", "unlock", "0", "", "", "9", "more", "not needed: dead locks are recognised", ""),
            ("--nolock", "nolock", "0", "", "", "9", "more", "do not lock the working directory", ""),
            ("--drop-metadata", "drop_metadata", "0", "", "", "9", "more", "do not remember how files were made", ""),
            ("--archive", "archive", "1", "FILE", "path", "9", "more", "pack the workflow and what it needs into a tar file", ""),
            ("--generate-unit-tests", "generate_unit_tests", "?", "DIR", "path", "9", "more", "write a test for each rule, from results that are there", ""),
            ("--export-cwl", "export_cwl", "1", "FILE", "path", "9", "hidden", "write CWL", "refuse: is not supported: use --dump-workflow for the workflow as JSON"),
            ("--wait-for-files", "wait_for_files", "*", "FILE", "text", "9", "hidden", "wait for these before the start", ""),
            ("--wait-for-files-file", "wait_for_files_file", "1", "FILE", "path", "9", "hidden", "the same, listed in a file", ""),
            ("--max-inventory-time", "max_inventory_time", "1", "SECONDS", "number", "9", "hidden", "time for looking at files", "silent"),
            ("--trust-io-cache", "trust_io_cache", "0", "", "", "9", "hidden", "trust earlier knowledge of files", "silent"),
            ("--runtime-source-cache-path", "runtime_source_cache_path", "1", "DIR", "path", "9", "hidden", "internal", "silent"),
            ("--queue-input-wait-time", "queue_input_wait_time", "1", "SECONDS", "number", "9", "hidden", "for queue inputs", "silent"),
            ("--persistence-backend", "persistence_backend", "1", "NAME", "file|db", "9", "hidden", "of Snakemake", "note: has no meaning here: records are kept in .rulekit/provenance.sqlite"),
            ("--persistence-backend-db-url", "persistence_backend_db_url", "1", "URL", "text", "9", "hidden", "of Snakemake", "silent"),
            ("--skip-script-cleanup", "skip_script_cleanup", "0", "", "", "9", "hidden", "keep the scripts that were run", "silent"),
            ("--keep-target-files", "keep_target_files", "0", "", "", "7", "hidden", "old", "silent"),
            ("--cache", "cache", "*", "RULE", "text", "9", "more", "share results between workflows", ""),
            ("--overwrite-shellcmd", "overwrite_shellcmd", "1", "COMMAND", "text", "7", "hidden", "old", "refuse: is gone, as in Snakemake 8: edit the rule, or derive one with `use rule ... with:`"),
            ("--force-use-threads", "force_use_threads", "0", "", "", "9", "hidden", "of Snakemake's executor", "silent"),
            ("--debug", "debug", "0", "", "", "9", "hidden", "debug run: bodies", "note: has no meaning here: `breakpoint()` works in a rule file, not in a job"),
            ("--runtime-profile", "runtime_profile", "1", "FILE", "path", "9", "hidden", "profile of the engine", "note: has no meaning here: use `python -m cProfile -m rulekit ...`"),
        ),
    ),
    (
        "software",
        (
            ("--software-deployment-method --deployment-method --deployment --sdm", "sdm", "+", "HOW", "conda|apptainer|env-modules", "9", "more", "conda, apptainer, env-modules", ""),
            ("--use-conda", "use_conda", "0", "", "", "9", "more", "as --sdm conda", ""),
            ("--use-apptainer --use-singularity", "use_apptainer", "0", "", "", "9", "more", "as --sdm apptainer", ""),
            ("--use-envmodules", "use_envmodules", "0", "", "", "9", "more", "as --sdm env-modules", ""),
            ("--conda-prefix", "conda_prefix", "1", "DIR", "path", "9", "more", "where environments are kept", "silent"),
            ("--conda-frontend", "conda_frontend", "1", "NAME", "conda|mamba", "9", "hidden", "conda or mamba", "silent"),
            ("--conda-base-path", "conda_base_path", "1", "DIR", "path", "9", "hidden", "of conda itself", "silent"),
            ("--conda-create-envs-only", "conda_create_envs_only", "0", "", "", "9", "more", "only make the environments", "later"),
            ("--list-conda-envs", "list_conda_envs", "0", "", "", "9", "more", "list the environments", "later"),
            ("--conda-cleanup-envs", "conda_cleanup_envs", "0", "", "", "9", "more", "remove unused environments", "later"),
            ("--conda-cleanup-pkgs", "conda_cleanup_pkgs", "?", "WHAT", "tarballs|cache", "9", "hidden", "clean conda's cache", "silent"),
            ("--conda-not-block-search-path-envvars", "conda_not_block", "0", "", "", "9", "more", "keep PYTHONPATH, R_LIBS, PERLLIB and PERL5LIB in conda environments", ""),
            ("--apptainer-prefix --singularity-prefix", "apptainer_prefix", "1", "DIR", "path", "9", "more", "where apptainer's images are kept", ""),
            ("--container-runtime", "container_runtime", "1", "NAME", "auto|apptainer|docker|podman", "r", "more", "what runs containers (default: the first of apptainer, docker, podman that works)", ""),
            ("--container-args", "container_args", "1", "ARGS", "text", "r", "more", "arguments for docker or podman", ""),
            ("--apptainer-args --singularity-args", "apptainer_args", "1", "ARGS", "text", "9", "more", "arguments for apptainer", ""),
            ("--container-cleanup-images --cleanup-containers", "container_cleanup_images", "0", "", "", "9", "hidden", "remove unused images", "later"),
            ("--containerize", "containerize", "?", "FORM", "dockerfile|apptainer", "9", "hidden", "write a container recipe", "later"),
        ),
    ),
    (
        "remote",
        (
            ("--default-storage-provider", "default_storage_provider", "1", "NAME", "text", "9", "more", "where relative paths live: azure, fs", ""),
            ("--default-storage-prefix", "default_storage_prefix", "1", "PREFIX", "text", "9", "more", "prefix of all paths there: az://CONTAINER/path, DIR", ""),
            ("--default-remote-provider", "default_remote_provider", "1", "NAME", "text", "7", "more", "where relative paths live: AzBlob", ""),
            ("--default-remote-prefix", "default_remote_prefix", "1", "PREFIX", "text", "7", "more", "prefix of all paths there: CONTAINER/path", ""),
            ("--local-storage-prefix", "local_storage_prefix", "1", "DIR", "path", "9", "hidden", "for copies of stored files", "silent"),
            ("--remote-job-local-storage-prefix", "remote_job_local_storage_prefix", "1", "DIR", "path", "9", "hidden", "for copies of stored files", "silent"),
            ("--keep-storage-local-copies --keep-remote", "keep_storage_local_copies", "0", "", "", "9", "more", "keep copies of stored files that jobs here fetch", ""),
            ("--not-retrieve-storage", "not_retrieve_storage", "0", "", "", "9", "hidden", "make no local copies", "silent"),
            ("--wait-for-free-local-storage", "wait_for_free_local_storage", "1", "TIME", "text", "9", "hidden", "wait for disk space", "silent"),
            ("--shared-fs-usage", "shared_fs_usage", "+", "WHAT", "input-output|persistence|software-deployment|software-deployment-cache|source-cache|sources|storage-local-copies|none", "9", "hidden", "what remote jobs share", "silent"),
            ("--no-shared-fs", "no_shared_fs", "0", "", "", "7", "hidden", "remote jobs share no files", "silent"),
            ("--max-status-checks-per-second", "max_status_checks_per_second", "1", "N", "number", "9", "hidden", "for clusters", ""),
            ("--seconds-between-status-checks", "seconds_between_status_checks", "1", "SECONDS", "number", "9", "hidden", "for clusters", ""),
            ("--jobname --jn", "jobname", "1", "NAME", "text", "9", "hidden", "for clusters", ""),
            ("--jobscript --js", "jobscript", "1", "FILE", "path", "9", "hidden", "for clusters", ""),
            ("--container-image", "container_image", "1", "IMAGE", "text", "9", "more", "container of remote jobs that name none", ""),
            ("--immediate-submit --is", "immediate_submit", "0", "", "", "9", "hidden", "submit all jobs at once; the cluster keeps their order", ""),
            ("--precommand", "precommand", "1", "COMMAND", "text", "9", "hidden", "for remote jobs", ""),
            ("--job-deploy-sources", "job_deploy_sources", "0", "", "", "9", "hidden", "for remote jobs", "silent"),
            ("--deploy-sources", "deploy_sources", "2", "QUERY CHECKSUM", "text", "9", "hidden", "internal", "refuse: is an internal option of Snakemake's remote jobs"),
            ("--attempt", "attempt", "1", "N", "int", "9", "hidden", "internal", "refuse: is an internal option of Snakemake's remote jobs"),
            ("--mode", "mode", "1", "MODE", "text", "9", "hidden", "internal", "refuse: is an internal option of Snakemake's remote jobs"),
            ("--az-batch", "az_batch", "0", "", "", "7", "more", "run jobs on Azure Batch", ""),
            ("--azure", "azure", "+", "NAME=VALUE", "text", "9", "more", "settings of Azure Batch (docs/reference/azure.md); in a profile a section", ""),
            ("--az-batch-account-url", "az_batch_account_url", "?", "URL", "text", "7", "more", "the Batch account", ""),
            ("--az-batch-enable-autoscale", "az_batch_enable_autoscale", "0", "", "", "7", "more", "let the pool grow and shrink", ""),
            ("--cluster", "cluster", "1", "COMMAND", "text", "7", "more", "submit jobs with this command", ""),
            ("--cluster-sync", "cluster_sync", "1", "COMMAND", "text", "7", "hidden", "the same, and wait", ""),
            ("--cluster-status --cluster-generic-status-cmd", "cluster_status", "1", "COMMAND", "text", "7", "hidden", "asks for a job's state", ""),
            ("--cluster-cancel --cluster-generic-cancel-cmd", "cluster_cancel", "1", "COMMAND", "text", "7", "hidden", "cancels jobs", ""),
            ("--cluster-cancel-nargs --cluster-generic-cancel-nargs", "cluster_cancel_nargs", "1", "N", "int", "7", "hidden", "jobs at once", ""),
            ("--cluster-sidecar --cluster-generic-sidecar-cmd", "cluster_sidecar", "1", "COMMAND", "text", "7", "hidden", "runs beside", ""),
            ("--cluster-generic-submit-cmd", "cluster_generic_submit_cmd", "1", "COMMAND", "text", "9", "hidden", "submits a job", ""),
            ("--cluster-config -u", "cluster_config", "append", "FILE", "path", "7", "hidden", "old", ""),
            ("--drmaa", "drmaa", "?", "ARGS", "text", "7", "hidden", "run through DRMAA", "refuse: is not supported: use --cluster with the submit command of your system (qsub, sbatch --parsable)"),
            ("--drmaa-log-dir", "drmaa_log_dir", "1", "DIR", "path", "7", "hidden", "for DRMAA", "silent"),
            ("--slurm", "slurm", "0", "", "", "7", "hidden", "run through Slurm", "refuse: is not supported: use --cluster 'sbatch --parsable -c {threads} --mem {resources.mem_mb}'"),
            ("--slurm-jobstep", "slurm_jobstep", "0", "", "", "7", "hidden", "internal", "refuse: is an internal option of Snakemake's remote jobs"),
            ("--flux", "flux", "0", "", "", "7", "hidden", "run through Flux", "refuse: is not supported: use --cluster with the submit command of Flux"),
            ("--kubernetes", "kubernetes", "?", "NAMESPACE", "text", "7", "hidden", "run on Kubernetes", "later: leave it out to run here"),
            ("--k8s-cpu-scalar", "k8s_cpu_scalar", "1", "X", "number", "7", "hidden", "for Kubernetes", "silent"),
            ("--k8s-service-account-name", "k8s_service_account_name", "1", "NAME", "text", "7", "hidden", "for Kubernetes", "silent"),
            ("--tes", "tes", "1", "URL", "text", "7", "hidden", "run on a TES server", "later: leave it out to run here"),
            ("--tibanna", "tibanna", "0", "", "", "7", "hidden", "run on AWS by Tibanna", "refuse: is not supported"),
            ("--tibanna-sfn", "tibanna_sfn", "1", "NAME", "text", "7", "hidden", "for Tibanna", "silent"),
            ("--tibanna-config", "tibanna_config", "+", "NAME=VALUE", "text", "7", "hidden", "for Tibanna", "silent"),
            ("--google-lifesciences", "google_lifesciences", "0", "", "", "7", "hidden", "a service that is closed", "refuse: is gone: the service was closed"),
            ("--google-lifesciences-regions", "google_lifesciences_regions", "+", "REGION", "text", "7", "hidden", "old", "silent"),
            ("--google-lifesciences-location", "google_lifesciences_location", "1", "PLACE", "text", "7", "hidden", "old", "silent"),
            ("--google-lifesciences-keep-cache", "google_lifesciences_keep_cache", "0", "", "", "7", "hidden", "old", "silent"),
            ("--google-lifesciences-service-account-email", "google_lifesciences_email", "1", "EMAIL", "text", "7", "hidden", "old", "silent"),
            ("--google-lifesciences-network", "google_lifesciences_network", "1", "NAME", "text", "7", "hidden", "old", "silent"),
            ("--google-lifesciences-subnetwork", "google_lifesciences_subnetwork", "1", "NAME", "text", "7", "hidden", "old", "silent"),
        ),
    ),
)

_JSON: Row = ("--json", "json", "0", "", "", "r", "daily", "the answer as JSON", "")
_OUTPUT: Row = ("--output -o", "output", "1", "FILE", "path", "r", "daily", "write to FILE instead of stdout", "")

# Options that only one verb has; every verb takes those of the table above too.
VERB_OPTIONS: dict[str, tuple[Row, ...]] = {
    "why": (
        _JSON,
    ),
    "plan": (
        _JSON,
    ),
    "list": (
        _JSON,
    ),
    "show": (
        _JSON,
    ),
    "status": (
        _JSON,
        ("--check", "check", "0", "", "", "r", "daily", "exit with 8 if anything is to be done", ""),
    ),
    "logs": (
        _JSON,
        ("--failed", "failed", "0", "", "", "r", "daily", "of the jobs that failed in the last run", ""),
        ("--lines", "lines", "1", "N", "int", "r", "daily", "only the last N lines of each (0: all)", ""),
    ),
    "graph": (
        _JSON,
        _OUTPUT,
        ("--dot", "form_dot", "0", "", "", "r", "daily", "graphviz text (the default)", ""),
        ("--mermaid", "form_mermaid", "0", "", "", "r", "daily", "mermaid text", ""),
        ("--svg", "form_svg", "0", "", "", "r", "daily", "a picture, by graphviz", ""),
        ("--rules", "by_rules", "0", "", "", "r", "daily", "one node a rule, with counts (the default)", ""),
        ("--files", "by_files", "0", "", "", "r", "daily", "one node a rule, with its files", ""),
        ("--jobs", "by_jobs", "0", "", "", "r", "daily", "one node a job", ""),
    ),
    "clean": (
        ("--yes", "yes", "0", "", "", "r", "daily", "delete; without it they are only listed", ""),
        ("--temp", "only_temp", "0", "", "", "r", "daily", "only temporary outputs", ""),
    ),
    "lint": (
        _JSON,
        ("--fix", "fix", "0", "", "", "r", "daily", "mend what can be mended without a doubt", ""),
        ("--diff", "diff", "0", "", "", "r", "daily", "show what --fix would change; write nothing", ""),
    ),
    "fmt": (
        ("--check", "check", "0", "", "", "r", "daily", "write nothing; exit with 1 if a file would change", ""),
        ("--diff", "diff", "0", "", "", "r", "daily", "write nothing; show what would change, exit as --check", ""),
        ("--line-length", "line_length", "1", "N", "int", "r", "daily", "characters in a line (default: 88)", ""),
    ),
    "lsp": (),
    "import-makefile": (
        _OUTPUT,
        ("--force", "force", "0", "", "", "r", "daily", "write over a file that is there", ""),
    ),
    "init": (
        ("--example", "example", "1", "NAME", "text", "r", "daily", "which template: words (default), shell, azure", ""),
        ("--force", "force", "0", "", "", "r", "daily", "write over files that are there", ""),
    ),
}
# fmt: on


def all_rows(verb: str = "run") -> list[Row]:
    """All rows that hold for a verb; its own come first and win over a name used twice."""
    return [*VERB_OPTIONS.get(verb, ()), *(row for _, rows in GROUPS for row in rows)]
