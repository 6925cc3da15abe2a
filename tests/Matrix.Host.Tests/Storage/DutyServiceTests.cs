using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Tests.Storage;

/// <summary>A duty is done where its shard is open, and only there.</summary>
internal sealed class DutyServiceTests
{
    private static readonly Authority _duty = Authority.Duty("sweeping");
    private static readonly int[] _its = [_duty.Shard];

    private static CancellationToken Stop => CancellationToken.None;

    [Test]
    public async Task A_duty_begins_when_its_shard_is_opened_and_ends_before_it_is_closed()
    {
        var gates = ShardGates.Closed();
        using var sweeping = new Sweeping(gates);
        await sweeping.StartAsync(Stop);
        await Task.Delay(50);
        Assert.That(sweeping.Begun, Is.Zero);

        for (var round = 1; round <= 3; round++)
        {
            gates.Open(_its);
            await Until.HoldsAsync(() => sweeping.Begun == round && sweeping.IsWorking);
            await gates.CloseAsync(_its, Stop).WaitAsync(TimeSpan.FromSeconds(20));
            Assert.That(sweeping.IsWorking, Is.False);
        }

        await sweeping.StopAsync(Stop);
        Assert.That(sweeping.Begun, Is.EqualTo(3));
    }

    [Test]
    public async Task A_duty_of_the_only_process_is_done_until_it_stops()
    {
        using var sweeping = new Sweeping(ShardGates.AlwaysOpen);
        await sweeping.StartAsync(Stop);
        await Until.HoldsAsync(() => sweeping.IsWorking);

        await sweeping.StopAsync(Stop);

        Assert.That((sweeping.Begun, sweeping.IsWorking), Is.EqualTo((1, false)));
    }

    [Test]
    public async Task A_duty_that_has_ended_is_not_begun_again()
    {
        var gates = ShardGates.Closed();
        gates.Open(_its);
        using var sweeping = new Sweeping(gates) { Ends = true };
        await sweeping.StartAsync(Stop);
        await sweeping.ExecuteTask!;
        await gates.CloseAsync(_its, Stop);
        gates.Open(_its);
        await Task.Delay(50);

        Assert.That(sweeping.Begun, Is.EqualTo(1));
    }

    private sealed class Sweeping(ShardGates gates) : DutyService(_duty, gates)
    {
        private volatile bool _isWorking;
        private int _begun;

        internal bool Ends { get; init; }

        internal bool IsWorking => _isWorking;

        internal int Begun => Volatile.Read(ref _begun);

        protected override async Task WorkAsync(CancellationToken stop)
        {
            Interlocked.Increment(ref _begun);
            if (Ends) return;
            _isWorking = true;
            try
            {
                await Task.Delay(Timeout.Infinite, stop);
            }
            finally
            {
                await Task.Delay(20, CancellationToken.None);
                _isWorking = false;
            }
        }
    }
}
