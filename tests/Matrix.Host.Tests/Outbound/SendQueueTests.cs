using System.Diagnostics;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Tests.Outbound;

/// <summary>The turns of senders.</summary>
internal sealed class SendQueueTests
{
    private readonly ManualTime _time = new();
    private SendQueue _queue = null!;

    [TearDown]
    public async Task Stops()
    {
        await _queue.StopAsync();
        _queue.Dispose();
    }

    [Test]
    public async Task Only_so_many_send_at_once_and_the_first_come_first()
    {
        Starts(atOnce: 4, limited: 1);
        var senders = await HealthySenders(10);
        AddAll(senders);

        await AreSending(senders[..4]);
        Assert.That((_queue.Sending, _queue.Ready), Is.EqualTo((4, 6)));
        senders[0].Ends(AttemptResult.Idle);
        senders[1].Ends(AttemptResult.Idle);

        await AreSending(senders[2..6]);
        Assert.That(senders[6..].Select(each => each.Attempts), Is.All.Zero);
    }

    [Test]
    public async Task A_sender_with_more_to_send_goes_to_the_end_of_the_line()
    {
        Starts(atOnce: 1, limited: 1);
        var senders = Senders(3);
        await AreSending(senders[..1]);

        senders[0].Ends(AttemptResult.Again);
        await AreSending(senders[1..2]);
        senders[1].Ends(AttemptResult.Idle);
        await AreSending(senders[2..3]);
        senders[2].Ends(AttemptResult.Idle);
        await AreSending(senders[..1]);

        Assert.That(senders.Select(each => each.Attempts), Is.EqualTo(new[] { 2, 1, 1 }));
    }

    [Test]
    public async Task News_during_a_turn_give_another_one()
    {
        Starts(atOnce: 1, limited: 1);
        var sender = Senders(1)[0];
        await AreSending(sender);

        _queue.Add(sender);
        sender.Ends(AttemptResult.Idle);
        await AreSending(sender);
        sender.Ends(AttemptResult.Idle);

        await Idle();
        Assert.That(sender.Attempts, Is.EqualTo(2));
    }

    [Test]
    public async Task A_sender_that_failed_waits_for_its_time_and_no_news_shorten_it()
    {
        Starts(atOnce: 2, limited: 1);
        var sender = Senders(1)[0];
        await AreSending(sender);
        sender.Ends(AttemptResult.Later(At(10)));
        await Idle();

        _queue.Add(sender);
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.That((_queue.Waiting, sender.Attempts), Is.EqualTo((1, 1)));
        _time.Advance(TimeSpan.FromSeconds(1));

        await AreSending(sender);
        Assert.That(_queue.Waiting, Is.Zero);
    }

    [Test]
    public async Task A_sender_that_waits_can_be_tried_sooner()
    {
        Starts(atOnce: 2, limited: 1);
        var sender = Senders(1)[0];
        await AreSending(sender);
        sender.Ends(AttemptResult.Later(At(3600)));
        await Idle();

        _queue.WaitUntil(sender, At(1));
        _time.Advance(TimeSpan.FromSeconds(1));
        await AreSending(sender);
        sender.Ends(AttemptResult.Idle);
        await Idle();
        _time.Advance(TimeSpan.FromHours(2));

        Assert.That(sender.Attempts, Is.EqualTo(2));
    }

    [Test]
    public async Task A_wait_can_be_shortened_before_it_begins()
    {
        Starts(atOnce: 2, limited: 1);
        var sender = Senders(1)[0];
        await AreSending(sender);

        _queue.WaitUntil(sender, At(1));
        sender.Ends(AttemptResult.Later(At(3600)));
        await Idle();
        _time.Advance(TimeSpan.FromSeconds(1));

        await AreSending(sender);
    }

    [Test]
    public async Task Senders_that_failed_hold_their_part_only()
    {
        Starts(atOnce: 8, limited: 2);
        var failing = await HealthySenders(6);
        var others = await HealthySenders(6);
        AddAll(failing);
        await AreSending(failing);
        foreach (var each in failing) each.Ends(AttemptResult.Later(At(1)));
        await Idle();
        _time.Advance(TimeSpan.FromSeconds(1));
        await Until.HoldsAsync(() => failing.Count(each => each.IsSending) == 2);

        AddAll(others);

        await AreSending(others);
        Assert.That(failing.Sum(each => each.Attempts), Is.EqualTo(6 + 2));
        failing.First(each => each.IsSending).Ends(AttemptResult.Idle);
        await Until.HoldsAsync(
            () => failing.Sum(each => each.Attempts) == 6 + 3 && failing.Count(each => each.IsSending) == 2);
    }

    [Test]
    public async Task A_receiver_is_healthy_only_after_its_first_success()
    {
        Starts(atOnce: 8, limited: 2);
        var senders = Senders(6);

        await Until.HoldsAsync(() => senders.Count(each => each.IsSending) == 2);
        await Task.Delay(50);
        Assert.That(senders.Count(each => each.IsSending), Is.EqualTo(2), "none has answered yet");
        for (var n = 1; n <= 6; n++)
        {
            await AreSending(senders[n - 1]);
            senders[n - 1].Ends(AttemptResult.Succeeded(hasMore: true));
            await AreSending(senders[..n]);
        }

        await AreSending(senders);
    }

    [Test]
    public async Task Slow_receivers_do_not_take_the_turns_of_the_fast()
    {
        Starts(atOnce: 8, limited: 2);
        var slow = await HealthySenders(6);
        var fast = await HealthySenders(6);
        AddAll(slow);
        await AreSending(slow);
        _time.Advance(TimeSpan.FromSeconds(6));
        foreach (var each in slow) each.Ends(AttemptResult.Succeeded(hasMore: true));
        await Until.HoldsAsync(() => _queue.Sending == 2 && slow.Count(each => each.IsSending) == 2);

        AddAll(fast);

        await AreSending(fast);
        Assert.That(slow.Count(each => each.IsSending), Is.EqualTo(2));

        // A fast success makes it healthy again.
        var recovered = slow.First(each => each.IsSending);
        recovered.Ends(AttemptResult.Succeeded(hasMore: false));
        foreach (var each in fast) each.Ends(AttemptResult.Succeeded(hasMore: false));
        _queue.Add(recovered);
        await AreSending(recovered);
        Assert.That(recovered.Class, Is.EqualTo(SenderClass.Healthy));
        Assert.That(slow.Count(each => each.IsSending), Is.EqualTo(3));
    }

    [Test]
    public async Task A_new_receiver_does_not_wait_for_failing_ones()
    {
        Starts(atOnce: 8, limited: 4);
        var failing = await HealthySenders(6);
        AddAll(failing);
        await AreSending(failing);
        foreach (var each in failing) each.Ends(AttemptResult.Later(At(1)));
        await Idle();
        _time.Advance(TimeSpan.FromSeconds(1));
        await Until.HoldsAsync(() => failing.Count(each => each.IsSending) == 3);

        var fresh = Senders(1)[0];

        await AreSending(fresh);
        Assert.That(failing.Count(each => each.IsSending), Is.EqualTo(3));
    }

    [Test]
    public async Task Senders_that_failed_get_turns_although_others_always_have_more()
    {
        Starts(atOnce: 1, limited: 1);
        var busy = await HealthySenders(2);
        var failed = Senders(1)[0];
        await AreSending(failed);
        failed.Ends(AttemptResult.Later(At(1)));
        await Idle();
        AddAll(busy);
        _time.Advance(TimeSpan.FromSeconds(1));

        for (var attempt = 0; attempt < 8 && failed.Attempts == 1; attempt++)
        {
            await Until.HoldsAsync(() => busy.Any(each => each.IsSending) || failed.IsSending);
            busy.FirstOrDefault(each => each.IsSending)?.Ends(AttemptResult.Again);
            await Until.HoldsAsync(() => _queue.Sending == 1 && (busy.Any(each => each.IsSending) || failed.IsSending));
        }

        Assert.That(failed.Attempts, Is.EqualTo(2));
    }

    [Test]
    public async Task Ten_thousand_receivers_get_turns_alike_though_a_thousand_others_fail()
    {
        const int Rounds = 4;
        const int AtOnce = 192;
        Starts(AtOnce, limited: 64);
        var failing = Enumerable.Range(0, 1000)
            .Select(_ => new EagerSender(() => AttemptResult.Later(At(0.001)))).ToArray();
        var eager = Enumerable.Range(0, 10_000)
            .Select(_ => new EagerSender(() => AttemptResult.Succeeded(true))).ToArray();
        foreach (var each in failing.Concat(eager)) _queue.Add(each);

        await Until.HoldsAsync(() => Later() && eager.All(each => each.Attempts >= 1));
        var start = eager.Select(each => each.Attempts).ToArray();
        await Until.HoldsAsync(
            () => Later() && eager.Sum(each => (long)each.Attempts) - start.Sum() >= Rounds * eager.Length);
        var attempts = eager.Zip(start, (each, before) => each.Attempts - before).ToArray();

        // A turn may last for rounds: the system suspends its thread. So many turns can be under way.
        Assert.That(
            attempts.Order().ElementAt(AtOnce),
            Is.GreaterThanOrEqualTo(Rounds - 2),
            $"The luckiest had {attempts.Max()} turns.");
        Assert.That(failing.Sum(each => each.Attempts), Is.GreaterThan(failing.Length), "failing ones are tried again");

        bool Later()
        {
            _time.Advance(TimeSpan.FromMilliseconds(1));
            return true;
        }
    }

    [Test]
    public async Task An_idle_sender_that_failed_before_waits_for_its_time()
    {
        Starts(atOnce: 2, limited: 1);
        var sender = Senders(1)[0];
        await AreSending(sender);
        sender.Ends(AttemptResult.Idle);
        await Idle();

        _queue.Add(sender, At(10));
        _queue.Add(sender, At(10));
        Assert.That((_queue.Waiting, _queue.Ready, sender.Attempts), Is.EqualTo((1, 0, 1)));
        _time.Advance(TimeSpan.FromSeconds(10));
        await AreSending(sender);
        sender.Ends(AttemptResult.Idle);
        await Idle();

        _queue.Add(sender, At(-1));
        await AreSending(sender);
        sender.Ends(AttemptResult.Idle);
        await Idle();
        Assert.That((_queue.Waiting, sender.Attempts), Is.EqualTo((0, 3)));
    }

    [Test]
    public async Task A_sender_whose_turn_throws_is_tried_again_later()
    {
        var faults = new List<Exception>();
        _queue = new SendQueue(1, 1, TimeSpan.FromSeconds(5), new StorageLevel(), _time, faults.Add);
        _queue.Start();
        var sender = new EagerSender(() => throw new InvalidOperationException("a defect"));
        _queue.Add(sender);
        await Until.HoldsAsync(() => _queue.Waiting == 1);

        Assert.That(faults, Has.Count.EqualTo(1));
        _time.Advance(TimeSpan.FromMinutes(1));
        await Until.HoldsAsync(() => sender.Attempts == 2);
    }

    [Test]
    public async Task A_node_that_does_not_know_what_others_committed_sends_nothing()
    {
        var levelAt = 0L;
        _queue = new SendQueue(1, 1, TimeSpan.FromSeconds(5), new StorageLevel(() => levelAt), _time);
        _queue.Start();
        var sender = new EagerSender(() => AttemptResult.Idle);
        _queue.Add(sender);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.That((_queue.Ready, sender.Attempts), Is.EqualTo((1, 0)));

        levelAt = Stopwatch.GetTimestamp();
        _time.Advance(TimeSpan.FromSeconds(1));

        await Until.HoldsAsync(() => sender.Attempts == 1);
    }

    [Test]
    public async Task A_stop_ends_the_turns()
    {
        Starts(atOnce: 2, limited: 1);
        var senders = await HealthySenders(4);
        AddAll(senders);
        await AreSending(senders[..2]);

        await _queue.StopAsync();

        Assert.That(_queue.Sending, Is.Zero);
        Assert.That(senders[2..].Select(each => each.Attempts), Is.All.Zero);
    }

    private void Starts(int atOnce, int limited)
    {
        _queue = new SendQueue(atOnce, limited, TimeSpan.FromSeconds(5), new StorageLevel(), _time);
        _queue.Start();
    }

    private void AddAll(IEnumerable<Sender> senders)
    {
        foreach (var sender in senders) _queue.Add(sender);
    }

    /// <summary>Senders that have succeeded once. Their turns count from now on.</summary>
    private async Task<Sender[]> HealthySenders(int count)
    {
        var senders = Enumerable.Range(0, count).Select(_ => new Sender()).ToArray();
        foreach (var sender in senders)
        {
            _queue.Add(sender);
            await AreSending(sender);
            sender.Ends(AttemptResult.Succeeded(hasMore: false));
            await Until.HoldsAsync(() => sender.Status == SenderStatus.Idle);
            sender.CountsAnew();
        }

        return senders;
    }

    private Sender[] Senders(int count)
    {
        var senders = Enumerable.Range(0, count).Select(_ => new Sender()).ToArray();
        foreach (var sender in senders) _queue.Add(sender);
        return senders;
    }

    private long At(double seconds) => _time.GetUtcNow().AddSeconds(seconds).ToUnixTimeMilliseconds();

    private static Task AreSending(params Sender[] senders) =>
        Until.HoldsAsync(() => senders.All(each => each.IsSending));

    private Task Idle() => Until.HoldsAsync(() => _queue.Sending == 0);

    /// <summary>A sender whose turns end at once.</summary>
    private sealed class EagerSender(Func<AttemptResult> end) : QueuedSender
    {
        private int _attempts;

        internal int Attempts => Volatile.Read(ref _attempts);

        internal override ValueTask<AttemptResult> AttemptAsync(CancellationToken stop)
        {
            Interlocked.Increment(ref _attempts);
            return ValueTask.FromResult(end());
        }
    }

    private sealed class Sender : QueuedSender
    {
        private volatile TaskCompletionSource<AttemptResult>? _attempt;
        private int _attempts;

        internal int Attempts => Volatile.Read(ref _attempts);

        internal bool IsSending => _attempt is not null;

        internal void CountsAnew() => Volatile.Write(ref _attempts, 0);

        internal void Ends(AttemptResult end)
        {
            var attempt = _attempt!;
            _attempt = null;
            attempt.SetResult(end);
        }

        internal override async ValueTask<AttemptResult> AttemptAsync(CancellationToken stop)
        {
            var attempt = new TaskCompletionSource<AttemptResult>(TaskCreationOptions.RunContinuationsAsynchronously);
            Interlocked.Increment(ref _attempts);
            _attempt = attempt;
            return await attempt.Task.WaitAsync(stop);
        }
    }
}
