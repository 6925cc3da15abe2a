namespace Matrix.Host.Users.ThirdPartyIds;

/// <summary>Limits the messages that requests cause, and the tries of what they say.</summary>
public interface IMessageLimits
{
    /// <summary>
    /// Counts a message by who asks, by the address that gets it, and overall. Returns the time to wait if there were
    /// too many, otherwise zero.
    /// </summary>
    /// <param name="asker">The network address of the request.</param>
    /// <param name="mailbox">What the address most likely leads to.</param>
    TimeSpan Take(string asker, string mailbox);

    /// <summary>
    /// Counts a try of a code that was sent to a phone number. Returns the time to wait if there were too many in all
    /// sessions, otherwise zero.
    /// </summary>
    TimeSpan TakeTry(string number);
}

/// <summary>Too many messages were asked for.</summary>
/// <param name="Wait">The time to wait.</param>
public sealed record TooManyMessages(TimeSpan Wait)
    : UserFailure(UserFailureKind.Busy, "Too many messages were asked for. Try again later.");

/// <summary>Too many codes were tried for a phone number.</summary>
/// <param name="Wait">The time to wait.</param>
public sealed record TooManyTries(TimeSpan Wait)
    : UserFailure(UserFailureKind.Busy, "Too many codes were tried for this number. Try again later.");
