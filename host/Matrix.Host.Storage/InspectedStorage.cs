using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.AuditLog;
using Matrix.Host.Storage.Tables.Destinations;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Followers;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Storage.Tables.OutboundMessages;
using Matrix.Host.Storage.Tables.Reports;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.StagedEvents;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Storage;

/// <summary>A database that is open for reading only: see <see cref="StorageEngine.InspectAsync"/>.</summary>
public sealed class InspectedStorage : IAsyncDisposable
{
    private readonly Func<ValueTask> _close;
    private readonly int _pending;

    private InspectedStorage(
        IReads reads, StorageOptions options, IStorageAdmin admin, RoomsTable rooms, int pending,
        Func<ValueTask> close)
    {
        _close = close;
        _pending = pending;
        Admin = admin;
        Rooms = rooms;
        Events = new EventsTable(reads);
        State = new StateTable(reads, options);
        Aliases = new AliasesTable(reads);
        Reports = new ReportsTable(reads);
        AuditLog = new AuditLogTable(reads);
        Media = new MediaTable(reads);
        Followers = new FollowersTable(reads);
        StagedEvents = new StagedEventsTable(reads);
        Destinations = new DestinationsTable(reads);
        OutboundMessages = new OutboundMessagesTable(reads);
    }

    /// <summary>Sizes, backup, schema.</summary>
    public IStorageAdmin Admin { get; }

    /// <summary>Rooms.</summary>
    public IRoomsTable Rooms { get; }

    /// <summary>Events.</summary>
    public IEventsTable Events { get; }

    /// <summary>Room state.</summary>
    public IStateTable State { get; }

    /// <summary>Room aliases.</summary>
    public IAliasesTable Aliases { get; }

    /// <summary>What users reported to the operators.</summary>
    public IReportsTable Reports { get; }

    /// <summary>What administrators did.</summary>
    public IAuditLogTable AuditLog { get; }

    /// <summary>Media.</summary>
    public IMediaTable Media { get; }

    /// <summary>Gaps of rooms.</summary>
    public IFollowersTable Followers { get; }

    /// <summary>Received events that wait for others.</summary>
    public IStagedEventsTable StagedEvents { get; }

    /// <summary>Other servers that events are sent to.</summary>
    public IDestinationsTable Destinations { get; }

    /// <summary>Messages to devices of other servers' users.</summary>
    public IOutboundMessagesTable OutboundMessages { get; }

    /// <summary>
    /// Checks that the database has the schema of this program. <see cref="Admin"/> works with an earlier one too, the
    /// tables do not.
    /// </summary>
    /// <exception cref="StorageException">It has an earlier one: the message is one line for the operator.</exception>
    public void NeedTables()
    {
        if (_pending > 0)
        {
            throw new StorageException(
                StorageFailure.Refused,
                $"The database lacks {_pending} updates of its schema: start this version of the server once.");
        }
    }

    /// <summary>Closes the database.</summary>
    public ValueTask DisposeAsync() => _close();

    /// <summary>Checks that the database is one of this server's, and closes it if it is not.</summary>
    internal static async ValueTask<InspectedStorage> OfAsync(
        IReads reads, StorageOptions options, IStorageAdmin admin, Func<ValueTask> close, CancellationToken stop)
    {
        try
        {
            var applied = await AdminStatements.CheckAsync(reads, stop);
            var rooms = await RoomsTable.OpenAsync(reads, stop);
            return new InspectedStorage(reads, options, admin, rooms, Migration.All.Count - applied, close);
        }
        catch
        {
            await close();
            throw;
        }
    }
}
