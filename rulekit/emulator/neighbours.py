"""What stands beside the Batch service on the same address: the management service, and the
metadata endpoint of the nodes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.emulator.messages import Answer, Call
    from rulekit.emulator.state import World


def answer(world: World, call: Call) -> Answer | None:
    """The answer of a neighbour, None if the request is for the Batch service."""
    first = call.segments[0].lower() if call.segments else ""
    if first == "metadata":
        from rulekit.emulator import imds

        with world.lock:
            identities = {name for pool in world.pools.values() for name in pool.identities}
        return imds.handle(call, sorted(identities), world.settings.location)
    if first == "subscriptions":
        from rulekit.emulator import arm

        return arm.handle(world, call)
    return None
