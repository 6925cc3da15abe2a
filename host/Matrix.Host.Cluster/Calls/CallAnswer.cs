namespace Matrix.Host.Cluster.Calls;

/// <summary>How a call to another node ended.</summary>
public enum CallOutcome
{
    /// <summary>The node answered.</summary>
    Answered,

    /// <summary>
    /// The node refused, or was not asked: the body or the answer is too large, it has no such handler, the handler
    /// failed or refused, or too many calls wait.
    /// </summary>
    Refused,

    /// <summary>There was no answer in time.</summary>
    TimedOut,

    /// <summary>The node is not known to have ended, but cannot be reached.</summary>
    Unreachable,

    /// <summary>This incarnation of the node has ended, or was never seen.</summary>
    Gone,
}

/// <summary>The result of a call to another node.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Body">The answer; empty if there is none.</param>
public readonly record struct CallAnswer(CallOutcome Outcome, ReadOnlyMemory<byte> Body)
{
    /// <summary>Whether the node answered.</summary>
    public bool IsAnswered => Outcome == CallOutcome.Answered;

    internal static CallAnswer Without(CallOutcome outcome) => new(outcome, default);
}
