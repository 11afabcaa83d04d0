"""Which function answers which operation of the contract."""

from __future__ import annotations

from rulekit.emulator import (
    api_files,
    api_jobs,
    api_misc,
    api_nodes,
    api_pools,
    api_schedules,
    api_tasks,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rulekit.emulator.messages import Answer, Call
    from rulekit.emulator.state import World

HANDLERS: dict[str, Callable[[World, Call], Answer]] = {
    "create_pool": api_pools.create,
    "list_pools": api_pools.list_all,
    "get_pool": api_pools.get,
    "pool_exists": api_pools.exists,
    "update_pool": api_pools.update,
    "replace_pool_properties": api_pools.replace,
    "delete_pool": api_pools.delete,
    "resize_pool": api_pools.resize,
    "stop_pool_resize": api_pools.stop_resize,
    "remove_nodes": api_pools.remove_nodes,
    "enable_pool_auto_scale": api_pools.enable_auto_scale,
    "disable_pool_auto_scale": api_pools.disable_auto_scale,
    "evaluate_pool_auto_scale": api_pools.evaluate_auto_scale,
    "list_nodes": api_nodes.list_all,
    "get_node": api_nodes.get,
    "reboot_node": api_nodes.reboot,
    "reimage_node": api_nodes.reimage,
    "deallocate_node": api_nodes.deallocate,
    "start_node": api_nodes.start,
    "disable_node_scheduling": api_nodes.disable,
    "enable_node_scheduling": api_nodes.enable,
    "create_node_user": api_nodes.create_user,
    "replace_node_user": api_nodes.replace_user,
    "delete_node_user": api_nodes.delete_user,
    "get_node_remote_login_settings": api_nodes.login_settings,
    "upload_node_logs": api_nodes.upload_logs,
    "list_node_extensions": api_nodes.extensions,
    "get_node_extension": api_nodes.extension,
    "list_pool_node_counts": api_nodes.counts,
    "list_node_files": api_files.node_files,
    "download_node_file": api_files.node_file,
    "get_node_file_properties": api_files.node_file_properties,
    "delete_node_file": api_files.delete_node_file,
    "create_job": api_jobs.create,
    "list_jobs": api_jobs.list_all,
    "get_job": api_jobs.get,
    "update_job": api_jobs.update,
    "replace_job": api_jobs.replace,
    "delete_job": api_jobs.delete,
    "terminate_job": api_jobs.terminate,
    "disable_job": api_jobs.disable,
    "enable_job": api_jobs.enable,
    "get_job_task_counts": api_jobs.counts,
    "list_job_preparation_and_release_task_status": api_jobs.preparations,
    "list_jobs_from_schedule": api_jobs.list_of_schedule,
    "create_task": api_tasks.create,
    "create_task_collection": api_tasks.create_collection,
    "list_tasks": api_tasks.list_all,
    "get_task": api_tasks.get,
    "replace_task": api_tasks.replace,
    "delete_task": api_tasks.delete,
    "terminate_task": api_tasks.terminate,
    "reactivate_task": api_tasks.reactivate,
    "list_subtasks": api_tasks.list_subtasks,
    "list_task_files": api_files.task_files,
    "download_task_file": api_files.task_file,
    "get_task_file_properties": api_files.task_file_properties,
    "delete_task_file": api_files.delete_task_file,
    "create_job_schedule": api_schedules.create,
    "list_job_schedules": api_schedules.list_all,
    "get_job_schedule": api_schedules.get,
    "job_schedule_exists": api_schedules.exists,
    "update_job_schedule": api_schedules.update,
    "replace_job_schedule": api_schedules.replace,
    "delete_job_schedule": api_schedules.delete,
    "disable_job_schedule": api_schedules.disable,
    "enable_job_schedule": api_schedules.enable,
    "terminate_job_schedule": api_schedules.terminate,
    "list_supported_images": api_misc.images,
    "list_applications": api_misc.applications,
    "get_application": api_misc.application,
    "list_pool_usage_metrics": api_misc.usage,
}

# These take the lock themselves, for as long as they need it: the rest of their work is on files.
UNLOCKED = frozenset(name for name, handler in HANDLERS.items() if "_file" in name)
