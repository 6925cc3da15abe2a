using Matrix.Core.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Rooms.State;

/// <summary>A change of a room's state. It never changes itself.</summary>
/// <param name="Step">Its number in the room.</param>
/// <param name="Parent">The step that it changes.</param>
/// <param name="Changes">The difference.</param>
/// <param name="Bytes">About what it takes in memory.</param>
public sealed record KnownStep(int Step, int Parent, StateStep Changes, int Bytes);

/// <summary>Reads steps of rooms' states, from memory where possible: timelines ask for the same ones again.</summary>
public sealed class StateSteps(IStateTable table, long cacheBytes)
{
    /// <summary>The bytes of a step without its changes, and how much larger these are than as stored.</summary>
    private const int StepBytes = 150;

    private const int Growth = 4;

    private readonly ByteCache<(RoomNid Room, int Step), KnownStep> _known = new(cacheBytes, static step => step.Bytes);

    /// <summary>Bytes of the cached steps.</summary>
    public long CachedBytes => _known.Bytes;

    /// <summary>These steps, unordered, with at most one query; unknown ones are left out.</summary>
    public async ValueTask<IReadOnlyList<KnownStep>> FindAsync(
        RoomNid room, IReadOnlyCollection<int> steps, CancellationToken stop)
    {
        var found = new List<KnownStep>(steps.Count);
        List<int>? missing = null;
        foreach (var step in steps)
        {
            if (_known.TryGet((room, step), out var known)) found.Add(known);
            else (missing ??= []).Add(step);
        }

        if (missing is null) return found;
        foreach (var row in await table.StepsAsync(room, missing, stop))
        {
            var read = new KnownStep(
                row.Step,
                row.Parent,
                StateStep.Parse(row.Changes.ToArray()),
                StepBytes + (Growth * row.Changes.Length));
            _known.Put((room, row.Step), read);
            found.Add(read);
        }

        return found;
    }
}
