using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Rooms.Transactions;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms;

/// <summary>
/// The rooms of a server, put together: who sends, who reads. Made once, before anything is written, for it hears of every commit.
/// </summary>
public sealed class RoomEngine : IDisposable
{
    private readonly LaneDirectory _lanes;

    /// <summary>Puts the parts together and starts to hear of commits.</summary>
    public RoomEngine(IStorage storage, ServerSigner signer, IPushEvaluation push, RoomsOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(storage);
        ArgumentNullException.ThrowIfNull(options);
        States = new StateStore(storage.State, options.StateCacheBytes);
        Events = new EventStore(storage.Events, options.EventCacheBytes);
        var loader = new LaneLoader(storage, States);
        Current = new StateReader(Events);
        Rooms = new RoomSnapshots(storage.Rooms, loader, Events, States, options);
        _lanes = new LaneDirectory(loader, storage.Writer, options);
        var appender = new EventAppender(Events, signer, push, options, time);
        var contents = new MemberContents(storage.Profiles, options.ServerName);
        Transactions = new TransactionLog(storage.Transactions, storage.Events, options);
        Sender = new RoomSender(_lanes, Rooms, appender, Transactions, Events, storage.Relations);
        var profiles = new ShownProfiles(Sender, Rooms, appender, contents, storage.Memberships);
        Memberships = new RoomMemberships(Sender, Rooms, appender, contents, profiles, storage, options.ServerName);
        Departures = new Departures(Memberships, storage, options, time);
        Accounts = new RoomAccounts(Departures, profiles);
        Creator = new RoomCreator(_lanes, appender, contents, profiles, Memberships, storage, options, time);
        storage.Writer.AddConsumer(Rooms);
    }

    /// <summary>Rooms as readers see them.</summary>
    public RoomSnapshots Rooms { get; }

    /// <summary>Events by number and id.</summary>
    public EventStore Events { get; }

    /// <summary>Room states by step.</summary>
    public StateStore States { get; }

    /// <summary>Current state events.</summary>
    public StateReader Current { get; }

    /// <summary>Requests by transaction id.</summary>
    public TransactionLog Transactions { get; }

    /// <summary>Sends events.</summary>
    public RoomSender Sender { get; }

    /// <summary>Joins, invites, leaves, kicks, bans, forgets.</summary>
    public RoomMemberships Memberships { get; }

    /// <summary>Shows changes of accounts in their rooms.</summary>
    public RoomAccounts Accounts { get; }

    /// <summary>Takes deactivated users out of their rooms.</summary>
    public Departures Departures { get; }

    /// <summary>Creates rooms.</summary>
    public RoomCreator Creator { get; }

    /// <summary>How many lanes are kept.</summary>
    public int Lanes => _lanes.Count;

    /// <inheritdoc/>
    public void Dispose()
    {
        _lanes.Dispose();
        Transactions.Dispose();
    }
}
