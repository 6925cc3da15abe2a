using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>
/// After the storage refused received events, the machine that the room gets next decides one in each call. An event
/// that is refused alone then is one that this room does without. Used while the lane is held.
/// </summary>
/// <param name="mostNotStored">The most refused events that are remembered.</param>
internal sealed class OneByOne(int mostNotStored)
{
    /// <summary>
    /// After a refusal, this many events are decided one at a time: more than one repeated transaction holds.
    /// </summary>
    private const int AfterRefusal = 1_000;

    private readonly List<string> _notStored = [];
    private bool _isOn;
    private int _left;

    /// <summary>The ids of received events that the storage refused, the earliest first.</summary>
    internal IReadOnlyList<string> NotStored => _notStored;

    /// <summary>Whether enough events were stored since: the room may have a machine with usual limits.</summary>
    internal bool HasEnded => _isOn && _left == 0;

    /// <summary>The limits of a new machine.</summary>
    internal IncomingLimits Begin(IncomingLimits usual)
    {
        _isOn = _left > 0;
        return _isOn ? usual.OneByOne : usual;
    }

    /// <summary>The machine is dropped.</summary>
    internal void End() => _isOn = false;

    /// <summary>A batch with received events is durable.</summary>
    internal void Stored()
    {
        if (_left > 0) _left--;
    }

    /// <summary>A batch failed. Only a refusal of received events concerns this.</summary>
    internal void Failed(SubmittedBatch? batch)
    {
        if (batch is not { HasReceived: true, Batch.Failure: StorageFailure.Rejected }) return;
        if (_isOn && batch.OnlyEvent is { } eventId)
        {
            if (_notStored.Count >= mostNotStored) _notStored.RemoveAt(0);
            _notStored.Add(eventId);
        }

        _left = AfterRefusal;
    }
}
