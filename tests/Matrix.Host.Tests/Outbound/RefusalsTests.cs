using Matrix.Host.Outbound.Federation;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Storage;

namespace Matrix.Host.Tests.Outbound;

/// <summary>What a server refused, and what is at fault.</summary>
internal sealed class RefusalsTests
{
    private static readonly Source _source = new();
    private Refusals _refusals = new();

    [SetUp]
    public void SetUp() => _refusals = new();

    [Test]
    public void An_EDU_is_at_fault_once_any_other_transaction_was_taken()
    {
        Refuse(Edu(1));
        Assert.That(_refusals.ToTry(static _ => true), Is.Null);

        _refusals.Succeeded(PendingTransaction.Of([Pdu(9)], []));

        Assert.That(_refusals.ToTry(static _ => true)!.Edus.Single(), Is.EqualTo(Edu(1)));
        Assert.That(_refusals.TryDefer(PendingTransaction.Of([], [Edu(1)])), Is.False);
    }

    [Test]
    public void An_EDU_that_a_proxy_refuses_is_at_fault_once_something_else_was_taken()
    {
        Refuse(PendingTransaction.Of([], [Edu(1)]), byProxy: true);
        _refusals.Succeeded(PendingTransaction.Of([], []));
        Assert.That(_refusals.ToTry(static _ => true), Is.Null, "the empty one was smaller than any other");

        _refusals.Succeeded(PendingTransaction.Of([], [Edu(9)]));

        Assert.That(_refusals.ToTry(static _ => true)!.Edus.Single(), Is.EqualTo(Edu(1)));
    }

    [Test]
    public void An_empty_transaction_is_evidence_once_the_server_itself_refuses()
    {
        Refuse(PendingTransaction.Of([], [Edu(1)]), byProxy: true);
        _refusals.Refused(PendingTransaction.Of([], [Edu(1)]), byProxy: false);

        _refusals.Succeeded(PendingTransaction.Of([], []));

        Assert.That(_refusals.ToTry(static _ => true)!.Edus.Single(), Is.EqualTo(Edu(1)));
    }

    [Test]
    public void An_event_is_at_fault_once_another_event_was_taken()
    {
        Refuse(Pdu(1));
        _refusals.Succeeded(PendingTransaction.Of([], [Edu(9)]));
        Assert.That(_refusals.ToTry(static _ => true), Is.Null);

        _refusals.Succeeded(PendingTransaction.Of([Pdu(9)], []));

        Assert.That(_refusals.ToTry(static _ => true)!.Pdus.Single(), Is.EqualTo(Pdu(1)));
        Assert.That(_refusals.ToTry(static _ => false), Is.Null, "it is not owed any more");
    }

    [Test]
    public void When_nothing_else_is_left_the_probe_and_the_items_take_turns()
    {
        Refuse(Edu(1));
        Refuse(Pdu(1));

        Assert.That(_refusals.NextDeferred()!.IsProbe);
        Assert.That(_refusals.NextDeferred()!.Edus.Single(), Is.EqualTo(Edu(1)));
        Assert.That(_refusals.NextDeferred()!.Pdus.Single(), Is.EqualTo(Pdu(1)));
        Assert.That(_refusals.NextDeferred()!.IsProbe);
        _refusals.Remove(PendingTransaction.Of([], [Edu(1)]), static _ => true);
        Assert.That(_refusals.NextDeferred()!.Pdus.Single(), Is.EqualTo(Pdu(1)));
        _refusals.Remove(PendingTransaction.Of([Pdu(1)], []), static _ => false);
        Assert.That(_refusals.NextDeferred(), Is.Null);
    }

    [Test]
    public void What_a_proxy_refused_is_tried_in_turn_without_a_probe()
    {
        for (var n = 1; n <= 2; n++) Refuse(PendingTransaction.Of([], [Edu(n)]), byProxy: true);

        foreach (var n in new[] { 1, 2, 1 })
        {
            Assert.That(_refusals.NextDeferred()!.Edus.Single(), Is.EqualTo(Edu(n)));
        }
    }

    [Test]
    public void So_many_EDUs_are_put_aside_at_most()
    {
        for (var n = 1; !_refusals.IsFull; n++) Refuse(Edu(n));

        Assert.That(_refusals.DeferredEdus, Has.Count.EqualTo(20));
    }

    private void Refuse(PendingEdu edu) => Refuse(PendingTransaction.Of([], [edu]));

    private void Refuse(EventNid pdu) => Refuse(PendingTransaction.Of([pdu], []));

    private void Refuse(PendingTransaction transaction, bool byProxy = false)
    {
        _refusals.Refused(transaction, byProxy);
        Assert.That(_refusals.TryDefer(transaction), Is.True);
    }

    private static EventNid Pdu(uint n) => EventNid.Of(new RoomNid(1), EventNid.FirstLiveOrdinal + n);

    private static PendingEdu Edu(int n) => new(_source, new NumberedEdu(n));

    private sealed record NumberedEdu(int Number) : OutboundEdu(ReadOnlyMemory<byte>.Empty)
    {
        internal override object Key => Number;
    }

    private sealed class Source : IEduSource
    {
        public void Attach(IEduDestinations destinations)
        {
        }

        public bool HasFor(string server) => false;

        public ValueTask<IReadOnlyList<OutboundEdu>> NextAsync(
            string server, int most, IReadOnlyList<OutboundEdu> deferred, CancellationToken stop) =>
            ValueTask.FromResult<IReadOnlyList<OutboundEdu>>([]);

        public void Remove(string server, IReadOnlyList<OutboundEdu> edus, IReadOnlyList<OutboundEdu> deferred)
        {
        }
    }
}
