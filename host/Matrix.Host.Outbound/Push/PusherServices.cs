using Matrix.Host.Network.Urls;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Pushers;

namespace Matrix.Host.Outbound.Push;

/// <summary>What the senders of pushers share.</summary>
/// <param name="Ends">Cancelled when requests that were begun must end, because the server stops.</param>
internal sealed record PusherServices(
    PushOptions Options,
    PushersTable Table,
    IStorageWriter Writer,
    ShardGates Gates,
    StorageLevel Level,
    PusherIndex Index,
    PushContents Contents,
    Badges Badges,
    UrlSender Http,
    EmailServices Email,
    PushLog Log,
    TimeProvider Time,
    CancellationToken Ends);
