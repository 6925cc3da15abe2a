using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Core.Room.Incoming;
using Matrix.Core.Room.Incoming.Deciding;
using Matrix.Core.Room.Incoming.Facts;
using Matrix.Core.Room.Incoming.Graph;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Core.State;
using Matrix.Host.Network;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Keys;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.Logging.Abstractions;
using Response = Matrix.Core.Room.Incoming.Protocol.Response;

namespace Matrix.Host.Tests.Rooms;

/// <summary>
/// The requests of room machines to other servers: slots, pauses, and results that a room cannot take yet.
/// </summary>
public sealed class MissingEventsFetcherTests
{
    private static readonly RoomIdentity _room = new(new RoomNid(1), "!r:one.test", RoomRules.Find("11")!);

    private readonly ConcurrentQueue<(int Number, Response Response)> _ended = new();
    private RoomsOptions _options = null!;
    private Servers _servers = null!;
    private Func<Input, bool> _isTaken = null!;
    private Func<RoomMachine, Action, Task> _goesOn = null!;
    private int _sessions;
    private FetchSlots? _slots;
    private RepeatedTasks? _tasks;
    private OpenRequests _requests = null!;
    private MissingEventsFetcher? _fetcher;

    [SetUp]
    public void SetUp()
    {
        _ended.Clear();
        _requests = new OpenRequests();
        _servers = new Servers();
        _isTaken = _ => true;
        _goesOn = (_, _) => Task.CompletedTask;
        _sessions = 0;
        _options = new RoomsOptions
        {
            ServerName = "one.test",
            Receiving = new ReceivingOptions { FetchesAtOnce = 4, FetchesOfServer = 2 },
        };
    }

    [TearDown]
    public void TearDown()
    {
        _tasks?.Dispose();
        _fetcher?.Dispose();
        _slots?.Dispose();
        (_tasks, _fetcher, _slots) = (null, null, null);
    }

    [Test]
    public async Task A_response_that_cannot_enter_a_busy_room_is_kept_and_tried_again()
    {
        var attempts = 0;
        _isTaken = _ => Interlocked.Increment(ref attempts) switch
        {
            1 => false,
            2 => throw new StorageException(StorageFailure.Unavailable, "The storage fails."),
            _ => true,
        };
        _servers.Answers = _ => Task.FromResult<FederationResult<ReadOnlyMemory<byte>>>(
            (ReadOnlyMemory<byte>)"{\"pdus\":[]}"u8.ToArray());

        Starts(Asks(7, "two.test", Request.NewEvents(["$a"])));

        Assert.That((await EndedAsync(1))[0].Number, Is.EqualTo(7));
        Assert.That(attempts, Is.EqualTo(3));
        Assert.That(_servers.Asked, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_server_without_a_whole_state_is_not_asked_for_its_events_one_by_one()
    {
        _servers.Answers = _ => Task.FromResult<FederationResult<ReadOnlyMemory<byte>>>(
            new FederationFailure(FederationFailureKind.Refused, 404, "M_NOT_FOUND", ""));
        string[] ids = [.. Enumerable.Range(0, 200).Select(n => $"$e{n}")];

        Starts(new PeerRequest(1, "two.test", Request.NewEvents(ids), "$a", isOfState: true));

        Assert.That((await EndedAsync(1))[0].Response.IsNothing);
        Assert.That(_servers.Asked, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_slow_server_does_not_hold_all_slots()
    {
        var never = new TaskCompletionSource<FederationResult<ReadOnlyMemory<byte>>>();
        _servers.Answers = request => request.Destination == "slow.test"
            ? never.Task
            : Task.FromResult<FederationResult<ReadOnlyMemory<byte>>>(
                (ReadOnlyMemory<byte>)"{\"pdus\":[]}"u8.ToArray());

        Starts([.. Enumerable.Range(0, 10).Select(n => Asks(n, "slow.test", Request.NewEvents([$"$s{n}"])))]);
        Starts(Asks(99, "fast.test", Request.NewEvents(["$f"])));

        Assert.That((await EndedAsync(1))[0].Number, Is.EqualTo(99));
        Assert.That(_servers.Asked.Count(server => server == "slow.test"), Is.LessThanOrEqualTo(2));
        never.SetResult((ReadOnlyMemory<byte>)"{\"pdus\":[]}"u8.ToArray());
        _ = await EndedAsync(11);
    }

    [Test]
    public async Task Only_an_answer_says_that_a_server_has_nothing_and_one_that_failed_is_not_asked_at_once()
    {
        _options = _options with
        {
            Receiving = _options.Receiving with { FetchPause = TimeSpan.FromMinutes(5) },
        };
        _servers.Answers = request => Task.FromResult<FederationResult<ReadOnlyMemory<byte>>>(
            request.Destination == "empty.test"
                ? new FederationFailure(FederationFailureKind.Refused, 404, "M_NOT_FOUND", "")
                : new FederationFailure(FederationFailureKind.Refused, 503, "", ""));

        var request = Request.NewStateBefore("$a");
        Starts(Asks(1, "empty.test", request));
        Assert.That((await EndedAsync(1))[^1].Response.IsNothing);

        Starts(Asks(2, "broken.test", request));
        var (_, failed) = (await EndedAsync(2))[^1];
        Assert.That(
            ((Response.NotNow)failed).retryAt,
            Is.GreaterThan(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()));

        Starts(Asks(3, "broken.test", request));
        Assert.That((await EndedAsync(3))[^1].Response.IsNotNow);
        Assert.That(_servers.Asked.Count(server => server == "broken.test"), Is.EqualTo(1));
        Assert.That(_slots!.Wake("broken.test"), "a request of the server itself ends the pause");
        Assert.That(_slots!.Wake("empty.test"), Is.False);
    }

    [Test]
    public async Task A_response_is_cut_before_its_signatures_are_checked()
    {
        var events = string.Join(',', Enumerable.Range(0, 500).Select(n =>
            "{\"auth_events\":[],\"content\":{},\"depth\":1,\"hashes\":{\"sha256\":\"AA\"},\"origin_server_ts\":1,"
            + "\"prev_events\":[],\"room_id\":\"!r:one.test\",\"sender\":\"@a:s" + n + ".test\",\"type\":\"m.x\","
            + "\"signatures\":{\"s" + n + ".test\":{\"ed25519:1\":\"" + new string('A', 86) + "\"}}}"));
        _servers.Answers = _ => Task.FromResult<FederationResult<ReadOnlyMemory<byte>>>(
            (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes("{\"events\":[" + events + "]}"));

        Starts(Asks(1, "two.test", Request.NewMissing("$a", [], 5)));

        var (_, response) = (await EndedAsync(1))[0];
        Assert.That(((Response.Events)response).Item, Has.Length.EqualTo(5));
        Assert.That(_servers.KeysOf.Distinct(), Has.Exactly(5).Items);
    }

    [Test]
    public async Task Servers_that_were_slow_share_few_of_the_slots()
    {
        var options = _options.Receiving with { FetchesAtOnce = 4, FetchSlowAfter = TimeSpan.FromMilliseconds(50) };
        using var slots = new FetchSlots(options, TimeProvider.System);
        var hold = new TaskCompletionSource();
        var running = 0;
        async ValueTask<FederationResult<string>> AnswerAsync(Task after)
        {
            Interlocked.Increment(ref running);
            await after;
            return "late";
        }

        for (var n = 0; n < 4; n++)
        {
            await slots.RequestAsync(
                $"slow{n}.test", stop => AnswerAsync(Task.Delay(80, stop)), isLarge: false, default);
        }

        running = 0;
        var asked = Enumerable.Range(0, 4).Select(n => slots.RequestAsync(
            $"slow{n}.test", _ => AnswerAsync(hold.Task), isLarge: false, default).AsTask()).ToArray();
        var other = await slots.RequestAsync(
            "quick.test", _ => AnswerAsync(Task.CompletedTask), isLarge: false, default);

        Assert.That((other.Value, running), Is.EqualTo(("late", 2)), "one of the slow ones, and the quick one");
        hold.SetResult();
        await Task.WhenAll(asked);
    }

    [Test]
    public async Task A_room_with_more_to_decide_gets_one_further_session_until_that_has_the_lane()
    {
        var lane = new TaskCompletionSource();
        var machine = Machine();
        _goesOn = async (_, begin) =>
        {
            Interlocked.Increment(ref _sessions);
            await lane.Task;
            begin();
        };

        for (var transaction = 0; transaction < 3; transaction++) Starts(hasMore: true, machine);
        await SessionsAsync(1);
        Starts(hasMore: true, machine);
        await Task.Delay(200);
        Assert.That(_sessions, Is.EqualTo(1), "the lane is held");

        lane.SetResult();
        await Until.HoldsAsync(() =>
        {
            Starts(hasMore: true, machine);
            return _sessions > 1;
        });
        Starts(hasMore: true, Machine());
        await Until.HoldsAsync(() => _sessions > 2);
    }

    [Test]
    public async Task What_one_room_asks_for_in_vain_does_not_end_the_requests_of_others()
    {
        _servers.Answers = _ => Task.FromResult<FederationResult<ReadOnlyMemory<byte>>>(
            (ReadOnlyMemory<byte>)"{\"pdus\":[]}"u8.ToArray());
        var resolution = (RoomResolution)RuntimeHelpers.GetUninitializedObject(typeof(RoomResolution));

        // There is nothing here that resolves states.
        Starts(Machine(), new Output(null!, [], resolution, [], [], [], 0, false));
        Starts(Asks(7, "two.test", Request.NewEvents(["$a"])));

        Assert.That((await EndedAsync(1))[0].Number, Is.EqualTo(7));
    }

    private Task SessionsAsync(int count) => Until.HoldsAsync(() => _sessions == count);

    private RoomMachine Machine()
    {
        var limits = _options.Receiving.ToLimits(previous: 20);
        return _room.Rules.Machine(
            "one.test",
            new RoomStart(_room.RoomId, [], StateTree.Empty, new RoomNumbers(1, 1, 1), RoomGaps.Of([], areAll: true)),
            limits);
    }

    private void Starts(params PeerRequest[] requests) => Starts(hasMore: false, Machine(), requests);

    private void Starts(bool hasMore, RoomMachine machine, params PeerRequest[] requests) =>
        Starts(machine, new Output(null!, requests, null, [], [], [], 0, hasMore));

    private void Starts(RoomMachine machine, Output output)
    {
        _slots ??= new FetchSlots(_options.Receiving, TimeProvider.System);
        _tasks ??= new RepeatedTasks(ShardGates.AlwaysOpen, TimeProvider.System, NullLogger<RepeatedTasks>.Instance);
        if (_fetcher is null)
        {
            _fetcher = new MissingEventsFetcher(
                _requests,
                new Inputs(this),
                new FederationOperations(_servers, new NetworkOptions { ServerName = "one.test" }),
                _slots,
                new SignatureChecker(_servers),
                resolutions: null!,
                _tasks,
                _options,
                TimeProvider.System,
                NullLogger<MissingEventsFetcher>.Instance);
            _ = _fetcher.StartAsync(CancellationToken.None);
        }

        _requests.Add(_room, machine, output);
    }

    private static PeerRequest Asks(int number, string peer, Request request) =>
        new(number, peer, request, "$for", false);

    private async Task<(int Number, Response Response)[]> EndedAsync(int count)
    {
        for (var attempt = 0; attempt < 500 && _ended.Count < count; attempt++) await Task.Delay(20);
        Assert.That(_ended, Has.Count.EqualTo(count));
        return [.. _ended];
    }

    /// <summary>The room, as the test has it.</summary>
    private sealed class Inputs(MissingEventsFetcherTests test) : IMachineInputs
    {
        public ValueTask<bool> ReceiveAsync(
            RoomIdentity room, RoomMachine machine, Input input, CancellationToken stop)
        {
            if (!test._isTaken(input)) return ValueTask.FromResult(false);
            if (input is Input.Responded ended) test._ended.Enqueue((ended.number, ended.response));
            return ValueTask.FromResult(true);
        }

        public async ValueTask<bool> ContinueAsync(
            RoomIdentity room, RoomMachine machine, Action begin, CancellationToken stop)
        {
            await test._goesOn(machine, begin);
            return true;
        }
    }

    /// <summary>Other servers, which have no keys.</summary>
    private sealed class Servers : IFederationClient, IServerKeys
    {
        public ConcurrentQueue<string> Asked { get; } = new();

        public ConcurrentQueue<string> KeysOf { get; } = new();

        public Func<FederationRequest, Task<FederationResult<ReadOnlyMemory<byte>>>> Answers { get; set; } = null!;

        public ValueTask<FederationResult<JsonObject>> SendAsync(FederationRequest request, CancellationToken stop) =>
            throw new NotSupportedException();

        public ValueTask<FederationResult<OpenReply>> OpenAsync(FederationRequest request, CancellationToken stop) =>
            throw new NotSupportedException();

        public async ValueTask<FederationResult<ReadOnlyMemory<byte>>> SendForBytesAsync(
            FederationRequest request, CancellationToken stop)
        {
            Asked.Enqueue(request.Destination);
            return await Answers(request).WaitAsync(stop);
        }

        public ValueTask<IReadOnlyDictionary<string, ServerKey>> FindAsync(
            string server, IReadOnlyCollection<string> keyIds, long validAt, KeyUse use, CancellationToken stop)
        {
            KeysOf.Enqueue(server);
            return ValueTask.FromResult<IReadOnlyDictionary<string, ServerKey>>(new Dictionary<string, ServerKey>());
        }
    }
}
