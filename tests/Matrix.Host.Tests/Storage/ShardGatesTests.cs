using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Tests.Storage;

/// <summary>Who may use memory of a shard, and until when.</summary>
internal sealed class ShardGatesTests
{
    private static readonly Authority _room = Authority.Room("!kitchen:example.org");
    private static readonly int[] _its = [_room.Shard];

    [Test]
    public async Task A_shard_is_closed_once_everybody_has_left_it()
    {
        var gates = Opened();
        var visit = gates.Enter(_room);
        var closing = gates.CloseAsync(_its, CancellationToken.None);

        Assert.That(gates.TryEnter(_room, out _), Is.False);
        await Task.Delay(50);
        Assert.That(closing.IsCompleted, Is.False);
        visit.Dispose();
        await closing.WaitAsync(TimeSpan.FromSeconds(20));
        var refused = Assert.Throws<StorageException>(() => gates.Enter(_room))!;
        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.NotOwned));
    }

    [Test]
    public void Who_does_not_leave_keeps_the_shard_closed_and_others_out()
    {
        var gates = Opened();
        using var visit = gates.Enter(_room);
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));

        Assert.CatchAsync<OperationCanceledException>(() => gates.CloseAsync(_its, stop.Token));
        Assert.That(gates.TryEnter(_room, out _), Is.False);
        Assert.That(gates.TryEnter(Authority.Nobody, out _), Is.True);
    }

    [Test]
    public async Task Each_opening_of_a_shard_is_greater_than_those_before()
    {
        var gates = Opened();
        var first = OpeningOf(_room);
        await gates.CloseAsync(_its, CancellationToken.None);
        var before = gates.Openings;
        gates.Open(_its);

        Assert.That(OpeningOf(_room), Is.GreaterThan(before).And.GreaterThan(first));
        Assert.That(ShardGates.AlwaysOpen.Enter(_room).Opening, Is.Zero);

        long OpeningOf(Authority authority)
        {
            using var visit = gates.Enter(authority);
            return visit.Opening;
        }
    }

    [Test]
    public async Task Nobody_is_inside_of_a_closed_shard_however_many_enter()
    {
        var gates = Opened();
        var inside = 0;
        var isClosed = false;
        using var stop = new CancellationTokenSource();
        var visitors = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            var wrong = 0;
            while (!stop.IsCancellationRequested)
            {
                if (!gates.TryEnter(_room, out var visit)) continue;
                using (visit)
                {
                    Interlocked.Increment(ref inside);
                    if (Volatile.Read(ref isClosed)) wrong++;
                    Interlocked.Decrement(ref inside);
                }
            }

            return wrong;
        })).ToArray();
        for (var round = 0; round < 200; round++)
        {
            await gates.CloseAsync(_its, CancellationToken.None);
            Volatile.Write(ref isClosed, true);
            Assert.That(Volatile.Read(ref inside), Is.Zero);
            await Task.Yield();
            Volatile.Write(ref isClosed, false);
            gates.Open(_its);
        }

        await stop.CancelAsync();
        Assert.That(await Task.WhenAll(visitors), Is.All.Zero);
    }

    private static ShardGates Opened()
    {
        var gates = ShardGates.Closed();
        gates.Open(ShardGates.All);
        return gates;
    }
}
