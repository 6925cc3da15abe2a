using Matrix.Processes.Network;

namespace Matrix.ClusterNodes.Flushes;

/// <summary>A moment of a flush, at which a node may stand still.</summary>
internal enum FlushMoment
{
    /// <summary>The database has executed the first statement, which proves that the node may write.</summary>
    Fenced,

    /// <summary>What was sent ends in the middle of a message.</summary>
    HalfSent,

    /// <summary>It is committed, and the node has no reply.</summary>
    Committed,
}

/// <summary>Finds flushes in what one connection sends to the database, and holds one where it is wanted.</summary>
internal sealed class FlushGate(FlushHold hold) : ILinkGate
{
    private readonly FrontendMessages _messages = new();

    /// <summary>Whether a BEGIN was sent: only a COMMIT ends the transaction then.</summary>
    private bool _isBlock;

    private bool _isFenced;
    private int _afterFence;

    /// <summary>Whether a statement after the fence was sent, and no Sync after it.</summary>
    private bool _isUnderWay;

    private volatile bool _isPassed;

    public bool HoldsReplies => hold.HoldsReplies(this);

    public int Pass(ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            if (hold.Holds(this, before: bytes[i])) return i;
            Take(bytes[i]);
        }

        return bytes.Length;
    }

    /// <summary>The present flush is not held again.</summary>
    public void LetPass() => _isPassed = true;

    /// <summary>Whether the flush is at a moment, if this octet is the next one.</summary>
    public bool IsAt(FlushMoment moment, byte before) => _isFenced && !_isPassed && moment switch
    {
        FlushMoment.Fenced => _messages.IsBetween && _afterFence == 0 && !(_isBlock && before == 'S'),

        // A session that has executed a statement since the last Sync is not idle for the database.
        FlushMoment.HalfSent => _isUnderWay && (char)_messages.Type is 'P' or 'B' && _messages.IsHalf,

        // What comes next commits it; the reply is held then.
        _ => _messages.IsBetween && _afterFence > 0 && (_isBlock ? before == 'E' && IsCommit : before == 'S'),
    };

    private bool IsCommit => _messages.Bound.StartsWith("COMMIT", StringComparison.Ordinal);

    private void Take(byte octet)
    {
        switch ((char)_messages.Take(octet))
        {
            case 'E' when _messages.Bound.StartsWith("BEGIN", StringComparison.Ordinal):
                _isBlock = true;
                break;
            case 'E' when IsCommit || _messages.Bound.StartsWith("ROLLBACK", StringComparison.Ordinal):
                (_isBlock, _isFenced) = (false, false);
                break;
            case 'E' when _messages.Bound.StartsWith("CALL take_positions", StringComparison.Ordinal)
                || _messages.Bound.StartsWith("SELECT next_positions", StringComparison.Ordinal):
                (_isFenced, _afterFence, _isUnderWay, _isPassed) = (true, 0, false, false);
                break;
            case 'E':
                _afterFence++;
                _isUnderWay = true;
                break;
            case 'S':
                _isUnderWay = false;
                _isFenced &= _isBlock;
                break;
        }
    }
}
