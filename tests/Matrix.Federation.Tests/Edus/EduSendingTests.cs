using System.Text;
using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Federation.Tests.Outbound;
using Matrix.Host.Outbound.Federation.Edus;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Edus;

/// <summary>Destinations take EDUs from their sources, and send them in transactions.</summary>
public sealed class EduSendingTests
{
    private readonly TestSource _kept = new("kept", isTransient: false);
    private readonly TestSource _transient = new("transient", isTransient: true);
    private TestServer _server = null!;
    private ReceivingPeer _peer = null!;

    [SetUp]
    public async Task SetUpAsync()
    {
        _server = await TestServer.StartWithKnownKeysAsync(
            services => services.AddSingleton<IEduSource>(_transient).AddSingleton<IEduSource>(_kept),
            ("federation.outbound_first_pause", "50ms"),
            ("federation.outbound_longest_pause", "200ms"),
            ("federation.outbound_wake_pause", "50ms"));
        _peer = await ReceivingPeer.StartAsync();
        _server.Knows(_peer.Peer);
        _kept.Clear();
        _transient.Clear();
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _peer.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Test]
    public async Task A_transaction_may_have_EDUs_only()
    {
        _kept.Add(_peer.Peer.Name, 1, 3);

        await HasAsync(3);

        Assert.That(_peer.Taken, Has.Count.EqualTo(1));
        Assert.That(_peer.Taken[0].Body["pdus"]!.AsArray(), Is.Empty);
        Assert.That(Numbers("kept"), Is.EqualTo(new[] { 1, 2, 3 }));
        Assert.That(() => _kept.HasFor(_peer.Peer.Name), Is.False.After(20_000, 10));
    }

    [Test]
    public async Task At_most_a_hundred_EDUs_go_in_a_transaction_and_each_once()
    {
        _kept.Add(_peer.Peer.Name, 1, 250);

        await HasAsync(250);
        await Task.Delay(200);

        Assert.That(_peer.All.Select(Edus).Select(edus => edus.Count), Is.EqualTo(new[] { 100, 100, 50 }));
        Assert.That(Numbers("kept"), Is.EqualTo(Enumerable.Range(1, 250)));
    }

    [Test]
    public async Task Sources_share_a_transaction()
    {
        var hold = new TaskCompletionSource();
        _peer.Respond = async _ =>
        {
            await hold.Task;
            return null;
        };
        _kept.Add(_peer.Peer.Name, 1, 1);
        await Until.HoldsAsync(() => _peer.All.Count > 0);
        _kept.Add(_peer.Peer.Name, 2, 200);
        _transient.Add(_peer.Peer.Name, 1, 10);
        hold.SetResult();

        await HasAsync(211);

        var second = Edus(_peer.All[1]);
        Assert.That(second.Count(edu => (string?)edu["edu_type"] == "transient"), Is.EqualTo(10));
        Assert.That(second, Has.Count.EqualTo(100));
        Assert.That(Numbers("kept"), Is.EqualTo(Enumerable.Range(1, 201)));
    }

    [Test]
    public async Task A_failed_transaction_is_repeated_with_its_id_and_content()
    {
        var statuses = new Queue<int>([502, 503]);
        _peer.Respond = _ =>
        {
            _kept.Add(_peer.Peer.Name, 10 + statuses.Count, 1);
            return Task.FromResult(statuses.TryDequeue(out var status) ? Refusal(status) : null);
        };
        _kept.Add(_peer.Peer.Name, 1, 2);

        await HasAsync(3);

        Assert.That(_peer.All.Take(3).Select(each => each.Id).Distinct().Count(), Is.EqualTo(1));
        Assert.That(
            _peer.All.Take(3).Select(each => each.Body["edus"]!.ToJsonString()).Distinct().Count(), Is.EqualTo(1));
        Assert.That(Numbers("kept").Take(5), Is.EqualTo(new[] { 1, 2, 12, 11, 10 }));
    }

    [Test]
    public async Task EDUs_without_a_meaning_later_are_not_sent_after_a_failure()
    {
        await _peer.DownAsync();
        _transient.Add(_peer.Peer.Name, 1, 1);
        await Until.HoldsAsync(() => _transient.Failures > 0);
        _kept.Add(_peer.Peer.Name, 1, 1);
        await _peer.UpAsync();

        await HasAsync(1);
        await Task.Delay(300);

        Assert.That(_peer.All.SelectMany(Edus).Select(edu => (string?)edu["edu_type"]), Is.EqualTo(new[] { "kept" }));
    }

    [TestCase(400)]
    [TestCase(413)]
    public async Task An_EDU_that_a_server_refuses_is_found_and_skipped(int status)
    {
        const int Bad = 37;
        _peer.Respond = transaction => Task.FromResult(
            Edus(transaction).Any(edu => (int)edu["content"]!["n"]! == Bad) ? Refusal(status) : null);

        _kept.Add(_peer.Peer.Name, 1, 120);
        await HasAsync(119);
        await Task.Delay(200);

        Assert.That(Numbers("kept"), Is.EqualTo(Enumerable.Range(1, 120).Where(n => n != Bad)));
        Assert.That(_server.Log, Does.Contain("refuses an EDU of TestSource"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Of_a_refused_transaction_with_both_kinds_the_one_at_fault_is_found(bool isEdu)
    {
        var alice = await _server.RegistersAsync("alice");
        var roomId = await alice.CreatesRoomAsync(version: RoomRules.Recommended);
        await _peer.Peer.JoinsAsync(_server, roomId, "bob");
        var hold = new TaskCompletionSource();
        string? bad = null;
        _peer.Respond = async transaction =>
        {
            await hold.Task;
            var isBad = isEdu ? Edus(transaction).Any(edu => (int)edu["content"]!["n"]! == 3)
                : transaction.EventIds.Contains(bad);
            return isBad ? Refusal(400) : null;
        };
        await alice.SaysAsync(roomId, "first");
        await Until.HoldsAsync(() => _peer.All.Count > 0);
        bad = await alice.SaysAsync(roomId, "second");
        _kept.Add(_peer.Peer.Name, 1, 5);
        await alice.SaysAsync(roomId, "third");
        hold.SetResult();

        await HasAsync(isEdu ? 4 : 5);
        await _peer.HasTakenAsync(isEdu ? 3 : 2);
        await Task.Delay(300);

        Assert.That(Numbers("kept"), Is.EqualTo(isEdu ? [1, 2, 4, 5] : new[] { 1, 2, 3, 4, 5 }));
        Assert.That(_peer.Events, Has.Count.EqualTo(isEdu ? 3 : 2));
        Assert.That(_peer.Events.Contains(bad), Is.EqualTo(isEdu));
    }

    [Test]
    public async Task A_server_that_refuses_everything_costs_no_EDU()
    {
        var isUp = false;
        _peer.Respond = _ => Task.FromResult(Volatile.Read(ref isUp) ? null : Refusal(400));
        _kept.Add(_peer.Peer.Name, 1, 8);
        await ComeAsync(20);
        _kept.Add(_peer.Peer.Name, 9, 4);
        await ComeAsync(30);
        Volatile.Write(ref isUp, true);

        await HasAsync(12);

        Assert.That(Numbers("kept"), Is.EquivalentTo(Enumerable.Range(1, 12)));
        Assert.That(_server.Log, Does.Not.Contain("refuses an EDU"));
    }

    [Test]
    public async Task An_EDU_that_is_refused_alone_is_skipped_once_an_empty_transaction_was_taken()
    {
        _peer.Respond = transaction => Task.FromResult(Edus(transaction).Count > 0 ? Refusal(400) : null);

        _kept.Add(_peer.Peer.Name, 1, 1);
        Assert.That(() => _kept.HasFor(_peer.Peer.Name), Is.False.After(20_000, 10));

        Assert.That(_peer.All.Select(each => Edus(each).Count), Is.EqualTo(new[] { 1, 0, 1 }));
        Assert.That(_server.Log, Does.Contain("refuses an EDU of TestSource"));
        _peer.Respond = static _ => Task.FromResult<IResult?>(null);
        _kept.Add(_peer.Peer.Name, 2, 1);
        await HasAsync(1);
    }

    [Test]
    public async Task Others_go_before_an_EDU_that_is_refused_alone()
    {
        _peer.Respond = transaction => Task.FromResult(
            Edus(transaction).Any(edu => (int)edu["content"]!["n"]! == 1) ? Refusal(400) : null);

        _kept.Add(_peer.Peer.Name, 1, 3);
        await HasAsync(2);
        Assert.That(() => _kept.HasFor(_peer.Peer.Name), Is.False.After(20_000, 10));

        Assert.That(Numbers("kept"), Is.EqualTo(new[] { 2, 3 }));
        Assert.That(_peer.All.Select(each => Edus(each).Count), Has.None.Zero, "no probe was needed");
    }

    [Test]
    public async Task Many_EDUs_that_are_refused_alone_are_skipped_one_after_the_other()
    {
        _peer.Respond = transaction => Task.FromResult(
            Edus(transaction).Any(edu => (int)edu["content"]!["n"]! <= 5) ? Refusal(400) : null);

        _kept.Add(_peer.Peer.Name, 1, 10);
        await HasAsync(5);
        Assert.That(() => _kept.HasFor(_peer.Peer.Name), Is.False.After(20_000, 20));

        Assert.That(Numbers("kept"), Is.EquivalentTo(Enumerable.Range(6, 5)));
    }

    [Test]
    public async Task A_proxy_that_finds_every_EDU_too_large_costs_none_and_little()
    {
        var isUp = false;
        _peer.Respond = transaction => Task.FromResult(
            Volatile.Read(ref isUp) || Edus(transaction).Count == 0
                ? null
                : Results.Text("<html>Too large</html>", "text/html", null, 413));
        _kept.Add(_peer.Peer.Name, 1, 3);
        await ComeAsync(8);
        await Task.Delay(500);

        Assert.That(_peer.Taken, Is.Empty, "an empty transaction would show nothing");
        Assert.That(_peer.All, Has.Count.LessThan(30));
        Volatile.Write(ref isUp, true);
        await HasAsync(3);
        Assert.That(Numbers("kept"), Is.EquivalentTo(new[] { 1, 2, 3 }));
    }

    [Test]
    public async Task An_EDU_that_was_put_aside_is_not_sent_to_a_server_that_it_is_no_longer_for()
    {
        _peer.Respond = transaction =>
        {
            var isBad = Edus(transaction).Any(edu => (int)edu["content"]!["n"]! == 1);
            if (isBad && Edus(transaction).Count == 1) _kept.HasLeft = true;
            return Task.FromResult(isBad ? Refusal(400) : null);
        };
        _kept.Add(_peer.Peer.Name, 1, 2);
        Assert.That(() => _kept.HasFor(_peer.Peer.Name), Is.False.After(20_000, 10));

        Assert.That(
            _peer.All.SelectMany(Edus).Count(edu => (int)edu["content"]!["n"]! == 1), Is.EqualTo(2),
            "together with the other, and alone");
        Assert.That(_server.Log, Does.Not.Contain("refuses an EDU"));
    }

    private async Task ComeAsync(int transactions)
    {
        var until = DateTime.UtcNow.AddSeconds(20);
        while (_peer.All.Count < transactions && DateTime.UtcNow < until) await Task.Delay(10);
        Assert.That(_peer.All, Has.Count.GreaterThanOrEqualTo(transactions));
    }

    private static IResult? Refusal(int status) =>
        Results.Text("""{"errcode":"M_UNKNOWN","error":"no"}""", "application/json", null, status);

    private static List<JsonObject> Edus(ReceivedTransaction transaction) =>
        [.. transaction.Body["edus"]!.AsArray().Select(edu => edu!.AsObject())];

    private List<int> Numbers(string type) =>
    [
        .. _peer.Taken.SelectMany(Edus).Where(edu => (string?)edu["edu_type"] == type)
            .Select(edu => (int)edu["content"]!["n"]!),
    ];

    private async Task HasAsync(int edus)
    {
        var until = DateTime.UtcNow.AddSeconds(20);
        while (_peer.Taken.Sum(each => Edus(each).Count) < edus && DateTime.UtcNow < until) await Task.Delay(10);
        Assert.That(_peer.Taken.Sum(each => Edus(each).Count), Is.GreaterThanOrEqualTo(edus));
    }

    /// <summary>Numbered EDUs.</summary>
    private sealed class TestSource(string type, bool isTransient) : IEduSource
    {
        private static readonly Predicate<OutboundEdu> _isFirst =
            static edu => Encoding.UTF8.GetString(edu.Json.Span).Contains("\"n\":1}", StringComparison.Ordinal);

        private readonly Lock _gate = new();
        private readonly List<(string Server, OutboundEdu Edu)> _waiting = [];
        private IEduDestinations? _destinations;

        public bool IsTransient => isTransient;

        public int Failures { get; private set; }

        /// <summary>Whether its first EDU is for the server no longer.</summary>
        public bool HasLeft { get; set; }

        public ValueTask<bool> IsStillForAsync(string server, OutboundEdu edu, CancellationToken stop) =>
            ValueTask.FromResult(!HasLeft);

        public void Attach(IEduDestinations destinations) => _destinations = destinations;

        public void Clear()
        {
            lock (_gate)
            {
                _waiting.Clear();
                Failures = 0;
                HasLeft = false;
            }
        }

        public void Add(string server, int first, int count)
        {
            lock (_gate)
            {
                foreach (var n in Enumerable.Range(first, count))
                {
                    var json = $$"""{"content":{"n":{{n}}},"edu_type":"{{type}}"}""";
                    _waiting.Add((server, new OutboundEdu(Encoding.UTF8.GetBytes(json))));
                }
            }

            _destinations!.Notify(server);
        }

        public bool HasFor(string server)
        {
            lock (_gate) return _waiting.Exists(each => each.Server == server);
        }

        public ValueTask<IReadOnlyList<OutboundEdu>> NextAsync(
            string server, int most, IReadOnlyList<OutboundEdu> deferred, CancellationToken stop)
        {
            lock (_gate)
            {
                if (HasLeft && deferred.Count == 0) _waiting.RemoveAll(each => _isFirst(each.Edu));
                var waiting = _waiting.Where(each => each.Server == server).Select(each => each.Edu);
                return ValueTask.FromResult<IReadOnlyList<OutboundEdu>>([.. waiting.Except(deferred).Take(most)]);
            }
        }

        public void Remove(string server, IReadOnlyList<OutboundEdu> edus, IReadOnlyList<OutboundEdu> deferred)
        {
            lock (_gate) _waiting.RemoveAll(each => edus.Any(edu => ReferenceEquals(edu, each.Edu)));
        }

        public void Failed(string server, IReadOnlyList<OutboundEdu> repeated)
        {
            lock (_gate)
            {
                Failures++;
                if (isTransient) _waiting.RemoveAll(each => each.Server == server);
            }
        }
    }
}
