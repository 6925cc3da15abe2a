using System.Net;

namespace Matrix.Host.Network.Keys;

/// <summary>The cause of a fetch of keys.</summary>
/// <param name="AskedBy">The address of a request that is not authenticated; null for another cause.</param>
/// <param name="SentBy">The server that sent events with signatures; null for another cause.</param>
internal readonly record struct KeyFetchCause(IPAddress? AskedBy, string? SentBy)
{
    /// <summary>Whether the request asks for the keys themselves, as of a notary.</summary>
    internal bool IsQuery { get; init; }

    /// <summary>Whether events of the server were verified here: its keys are stored.</summary>
    internal bool IsOfKnownServer { get; init; }

    /// <summary>Whether the wanted keys are known and only their validity has ended.</summary>
    internal bool IsRefresh { get; init; }

    /// <summary>The share of the fetch.</summary>
    internal KeyFetchShare Share =>
        AskedBy is null ? KeyFetchShare.Needed
        : IsQuery ? KeyFetchShare.Queries
        : IsOfKnownServer ? KeyFetchShare.OfKnownServers
        : KeyFetchShare.OfStrangers;
}

/// <summary>The shares of the fetches of keys.</summary>
internal enum KeyFetchShare
{
    /// <summary>For events, and for what this server does itself.</summary>
    Needed,

    /// <summary>For requests of servers whose keys are stored, before they are authenticated.</summary>
    OfKnownServers,

    /// <summary>For requests of all other servers, before they are authenticated.</summary>
    OfStrangers,

    /// <summary>For queries to this server as a notary.</summary>
    Queries,
}
