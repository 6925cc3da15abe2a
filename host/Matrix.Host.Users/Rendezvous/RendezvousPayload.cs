namespace Matrix.Host.Users.Rendezvous;

/// <summary>The two forms of sessions, with endpoints of their own.</summary>
public enum RendezvousForm
{
    /// <summary>Text with an ETag. MSC4108 as of 2024.</summary>
    Text,

    /// <summary>JSON with a sequence token. MSC4388.</summary>
    Json,
}

/// <summary>What a session has at a time.</summary>
/// <param name="Id">Names the session. Whoever knows it may read, write and end the session.</param>
/// <param name="Revision">Counts the payloads.</param>
public sealed record RendezvousPayload(
    string Id, ReadOnlyMemory<byte> Data, long Revision, DateTimeOffset Modified, DateTimeOffset Expires)
{
    /// <summary>The form only: the id is a secret.</summary>
    public override string ToString() => $"revision {Revision} until {Expires:T}";
}

/// <summary>The outcome of sending a payload.</summary>
public enum RendezvousOutcome
{
    /// <summary>It is the session's payload.</summary>
    Written,

    /// <summary>The sender has not seen the payload that is there.</summary>
    Conflict,

    /// <summary>The session had as many payloads as it may have.</summary>
    TooMany,

    /// <summary>There is no such session, or it has expired.</summary>
    Unknown,
}

/// <summary>The response to a payload.</summary>
/// <param name="Payload">The session's payload afterwards; null if there is no session.</param>
public sealed record RendezvousWrite(RendezvousOutcome Outcome, RendezvousPayload? Payload);
