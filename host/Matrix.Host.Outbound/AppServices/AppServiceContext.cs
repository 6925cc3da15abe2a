using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.AppServices;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Presence;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>What the senders to all application services share.</summary>
internal sealed partial class AppServiceContext(
    AppServiceOptions options,
    AppServiceDirectory services,
    AppServiceClient client,
    ServiceTransactions transactions,
    SharedPages pages,
    OpenedStorage storage,
    ShardGates gates,
    MissedReceipts missedReceipts,
    EventStore events,
    StateStore states,
    RoomSnapshots rooms,
    PresenceBoard presence,
    TimeProvider time,
    ILogger<AppServiceContext> log)
{
    private long _aliasVersion;

    internal AppServiceOptions Options => options;

    internal AppServiceClient Client => client;

    internal ServiceTransactions Transactions => transactions;

    internal AppServicesTable Table => storage.AppServices;

    internal IStorageWriter Writer => storage.Writer;

    internal ShardGates Gates => gates;

    internal MissedReceipts MissedReceipts => missedReceipts;

    /// <summary>Who types.</summary>
    internal TypingRooms Typing { get; } = new();

    /// <summary>Changes whenever an alias is created or deleted.</summary>
    internal long AliasVersion => Volatile.Read(ref _aliasVersion);

    /// <summary>Milliseconds since the epoch.</summary>
    internal long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    internal void AliasesChanged() => Interlocked.Increment(ref _aliasVersion);

    internal ServiceRooms NewRooms() => new(
        storage.Rooms, storage.Memberships, storage.Aliases, events, states, rooms, options);

    internal ServiceFeed NewFeed(ServiceRooms interest) => new(
        storage.StrippedRooms, storage.Writer, pages, interest);

    internal ServiceEphemeral NewEphemeral(
        ) => new(storage.Memberships, rooms, Typing, presence, options);

    internal ServiceDevices NewDevices() => new(
        storage.Memberships, storage.Accounts, storage.Keys, storage.ToDevice, storage.Writer, services, options);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The application service {Service} does not take its events: {Why}. The server will retry")]
    internal partial void LogDown(string service, string why);

    [LoggerMessage(Level = LogLevel.Information, Message = "The application service {Service} takes its events again.")]
    internal partial void LogUp(string service);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "The events for the application service {Service} could not be read; the server will retry")]
    internal partial void LogFailed(Exception fault, string service);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "What the application service {Service} has got could not be recorded; some of it is sent again")]
    internal partial void LogNotRecorded(Exception fault, string service);
}
