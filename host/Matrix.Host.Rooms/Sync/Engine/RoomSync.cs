using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.DeviceLists;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Rooms.Sync.Board;
using Matrix.Host.Rooms.Sync.Streams;
using Matrix.Host.Rooms.Typing;
using Matrix.Host.Rooms.Unread;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Rooms.Sync.Engine;

/// <summary>
/// Sync, put together, with what stands beside it: receipts, typing, unread counts. Made once, after the rooms and before anything is written,
/// for it hears of every commit after they did.
/// </summary>
public sealed class RoomSync : IAsyncDisposable
{
    private readonly SyncBoard _board;
    private readonly ErasedUsers _erased;

    /// <summary>Puts the parts together and starts to hear of commits.</summary>
    public RoomSync(
        IStorage storage, RoomEngine rooms, PushRuleCache rules, SyncOptions options, ReadingOptions reading, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(storage);
        ArgumentNullException.ThrowIfNull(rooms);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(reading);
        _board = new SyncBoard(new FeedSource(storage.Memberships), time, options, storage.Writer.PublishedPosition);
        var typing = new TypingBoard(_board, time, options);
        var unread = new UnreadCounter(storage, _board, options.UnreadCacheBytes);
        Replaced = new ReplacedState(storage.State);
        Trail = new MemberTrail(rooms.Events, rooms.States, Replaced);
        _erased = new ErasedUsers(Trail, time);
        Visibility = new Visibility(rooms.Events, rooms.States, Replaced, Trail, _erased);
        ClientEvents = new ClientEvents(rooms.Events, Replaced, Trail, Visibility, time);
        Ignored = new IgnoredUsers(storage.AccountData);
        Aggregations = new Aggregations(storage.Relations, rooms.Events, Ignored, Visibility, reading);
        Typing = typing;
        Receipts = new ReceiptWriter(rooms.Rooms, rooms.Events, storage, reading, time);
        Sync = new SyncEngine(
            new RoomServices
            {
                Storage = storage,
                Rooms = rooms.Rooms,
                Events = rooms.Events,
                States = rooms.States,
                Board = _board,
                Typing = typing,
                Unread = unread,
                DeviceLists = new DeviceListChanges(storage, rooms.Rooms, rooms.States, rooms.Events),
                ClientEvents = ClientEvents,
                Ignored = Ignored,
                Invites = new InvitePermission(storage.AccountData),
                Replaced = Replaced,
                Trail = Trail,
                Aggregations = Aggregations,
                Visibility = Visibility,
                Options = options,
                Reading = reading,
            },
            time);
        _board.DeviceLists.Start();
        storage.Writer.AddConsumer(_erased);
        foreach (var stream in AllStreams.Of(_board, typing, unread, rules)) storage.Writer.AddConsumer(stream);
    }

    /// <summary>Answers sync.</summary>
    public ISync Sync { get; }

    /// <summary>Who types.</summary>
    public ITypingBoard Typing { get; }

    /// <summary>Sets receipts and read markers.</summary>
    public ReceiptWriter Receipts { get; }

    /// <summary>Events in client form.</summary>
    public ClientEvents ClientEvents { get; }

    /// <summary>Who may see which event.</summary>
    public Visibility Visibility { get; }

    /// <summary>What state events took the place of.</summary>
    public ReplacedState Replaced { get; }

    /// <summary>Users' memberships, followed back.</summary>
    public MemberTrail Trail { get; }

    /// <summary>What is bundled with events.</summary>
    public Aggregations Aggregations { get; }

    /// <summary>Whom users ignore.</summary>
    public IgnoredUsers Ignored { get; }

    /// <summary>How many users are followed in memory because they sync.</summary>
    public int ActiveUsers => _board.ActiveUsers;

    /// <summary>Reads what must be known before anyone is served.</summary>
    public ValueTask LoadAsync(IStorage storage, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(storage);
        return _erased.LoadAsync(storage.Accounts, stop);
    }

    /// <summary>The server stops: every long-poll is answered now.</summary>
    public void Drain() => _board.Drain();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _board.Drain();
        await _board.DeviceLists.DisposeAsync().ConfigureAwait(false);
        _board.Dispose();
    }
}
