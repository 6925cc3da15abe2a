using Matrix.Core.State;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Finds out whether a state may be stored as a difference from the state before an event, which is near, where the
/// current state is far: in history, and on branches. A state is rebuilt from few steps.
/// </summary>
internal sealed class NearSteps(IStateTable table)
{
    /// <summary>
    /// The steps from which a step is rebuilt; null if they are not known, or no further one may follow.
    /// </summary>
    internal async ValueTask<StepChain?> BelowAsync(LaneSession session, int step, CancellationToken stop)
    {
        if (!session.Chains.TryGetValue(step, out var known))
        {
            if (await table.ChainAsync(session.Pending.Room.Nid, step, stop) is not { } chain)
            {
                // It is not durable yet.
                return null;
            }

            known = new StepChain(chain.Checkpoint?.Step ?? 0, chain.Steps.Count);
        }

        return known.Length + 1 < StateCheckpoint.MaxSteps ? known : null;
    }
}
