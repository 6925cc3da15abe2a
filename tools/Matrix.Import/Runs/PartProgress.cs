using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Imports;

namespace Matrix.Import.Runs;

/// <summary>
/// How far a part has come, and the changes that it has not saved yet. Changes become durable together with the place
/// where the part goes on, so that a kill at any moment neither loses nor doubles a row.
/// </summary>
internal sealed class PartProgress
{
    /// <summary>The estimated bytes at which a safe point is written.</summary>
    private const int FullBytes = 1 << 20;

    /// <summary>The changes at which a safe point is written.</summary>
    private const int FullChanges = 2_000;

    /// <summary>Batches that may wait for the disk while the part reads on.</summary>
    private const int MostWaiting = 3;

    private readonly IStorageWriter _writer;
    private readonly string _part;
    private readonly PartCounts _counts;
    private readonly Action<PartProgress> _onSaved;
    private readonly Queue<Task<WriteReceipt>> _waiting = new();
    private readonly WriteChain _chain = new();
    private WriteBatch _batch;
    private int _bytes;

    /// <param name="writer">The target's writer.</param>
    /// <param name="part">The part's name.</param>
    /// <param name="before">How far an earlier run came; null for none.</param>
    /// <param name="onSaved">Called after each save.</param>
    public PartProgress(
        IStorageWriter writer, string part, ImportProgressRow? before, Action<PartProgress> onSaved)
    {
        (_writer, _part, _onSaved) = (writer, part, onSaved);
        _counts = PartCounts.Of(before?.Counts);
        Reached = before?.Reached;
        _batch = NewBatch();
    }

    /// <summary>Where the part goes on, in its own words; null at its beginning.</summary>
    public string? Reached { get; private set; }

    /// <summary>What the part has counted.</summary>
    public PartCounts Counts => _counts;

    /// <summary>Adds a change of now.</summary>
    public void Add(Change change)
    {
        _batch.Add(change);
        _bytes += change.Weight;
    }

    /// <summary>Adds a change of the past.</summary>
    /// <param name="change">The change.</param>
    /// <param name="position">Its position: the number that Synapse gave it in its stream.</param>
    /// <param name="at">Its time, in milliseconds since the epoch; null for now.</param>
    public void Add(Change change, long position, long? at = null) => Add(new DatedChange(change, position, at));

    /// <summary>Counts rows that were read.</summary>
    public void Read(string kind, long rows = 1) => _counts.Add(kind, read: rows);

    /// <summary>Counts things that were written.</summary>
    public void Written(string kind, long things = 1) => _counts.Add(kind, written: things);

    /// <summary>Leaves something out, by name: the report has it.</summary>
    /// <param name="kind">What it is, such as `event`.</param>
    /// <param name="subject">Its id. Never a secret.</param>
    /// <param name="reason">Why, in one sentence.</param>
    public void LeaveOut(string kind, string subject, string reason)
    {
        _counts.Add(kind, leftOut: 1);
        Add(new ImportLeftOut(_part, _counts.AllLeftOut, kind, subject, reason));
    }

    /// <summary>Counts things that go with something that was left out by name already, such as a room's.</summary>
    public void LeftOutWith(string kind, long things = 1) => _counts.Add(kind, leftOut: things);

    /// <summary>
    /// A safe point: everything up to here is in the changes. It is written if enough has gathered.
    /// </summary>
    public ValueTask SaveAsync(string reached, CancellationToken stop)
    {
        Reached = reached;
        return _bytes < FullBytes && _batch.Changes.Count < FullChanges
            ? ValueTask.CompletedTask
            : WriteAsync(isEnd: false, stop);
    }

    /// <summary>The same, but everything is durable and can be read from the target afterwards.</summary>
    public async ValueTask FlushAsync(string reached, CancellationToken stop)
    {
        Reached = reached;
        await WriteAsync(isEnd: false, stop);
        await SettleAsync(most: 0);
    }

    /// <summary>Writes the rest, and that the part has ended.</summary>
    internal async ValueTask EndAsync(CancellationToken stop)
    {
        await WriteAsync(isEnd: true, stop);
        await SettleAsync(most: 0);
    }

    private WriteBatch NewBatch() => new(Authority.Nobody, capacity: 256) { Chain = _chain };

    private async ValueTask WriteAsync(bool isEnd, CancellationToken stop)
    {
        _batch.Add(new ImportProgressed(_part, Reached, isEnd, _counts.ToText()));
        _waiting.Enqueue(_writer.WriteAsync(_batch, stop).AsTask());
        (_batch, _bytes) = (NewBatch(), 0);
        await SettleAsync(MostWaiting);
        _onSaved(this);
    }

    private async ValueTask SettleAsync(int most)
    {
        while (_waiting.Count > most) await _waiting.Dequeue();
    }
}
