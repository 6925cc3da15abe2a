using System.Net;
using Matrix.Host.Network.Discovery.Dns;

namespace Matrix.Host.Tests.Network;

/// <summary>One answer of the lookups of both kinds of addresses.</summary>
internal sealed class AddressLookupTests
{
    private static readonly TimeSpan _minute = TimeSpan.FromMinutes(1);

    private static DnsAnswer Has(TimeSpan timeToLive, params string[] addresses) =>
        new() { Addresses = [.. addresses.Select(IPAddress.Parse)], TimeToLive = timeToLive };

    private static async Task<DnsAnswer> FindAsync(DnsAnswer six, DnsAnswer four) =>
        await new Fixed(six, four).AddressesAsync("host.example", CancellationToken.None);

    private static string Text(DnsAnswer answer) => string.Join(' ', answer.Addresses);

    [Test]
    public async Task IPv6_and_IPv4_addresses_come_by_turns_for_the_shorter_time_to_live()
    {
        var answer = await FindAsync(
            Has(2 * _minute, "2001:db8::1"), Has(_minute, "192.0.2.1", "192.0.2.2"));

        Assert.That(Text(answer), Is.EqualTo("2001:db8::1 192.0.2.1 192.0.2.2"));
        Assert.That(answer.TimeToLive, Is.EqualTo(_minute));
    }

    [Test]
    public async Task If_one_kind_fails_the_other_is_the_answer()
    {
        var failed = DnsAnswer.Failed("SERVFAIL");
        var onlyFour = await FindAsync(failed, Has(_minute, "192.0.2.1"));
        var onlySix = await FindAsync(Has(_minute, "2001:db8::1"), failed);

        Assert.That(Text(onlyFour), Is.EqualTo("192.0.2.1"));
        Assert.That(Text(onlySix), Is.EqualTo("2001:db8::1"));
        Assert.That(onlyFour.Failure ?? onlySix.Failure, Is.Null);
        Assert.That(onlyFour.TimeToLive, Is.EqualTo(_minute));
    }

    [Test]
    public async Task If_one_kind_fails_and_the_other_has_nothing_the_answer_is_a_failure()
    {
        var failed = DnsAnswer.Failed("SERVFAIL");
        Assert.That((await FindAsync(failed, Has(_minute))).Failure, Is.EqualTo("SERVFAIL"));
        Assert.That((await FindAsync(Has(_minute), failed)).Failure, Is.EqualTo("SERVFAIL"));
        Assert.That((await FindAsync(Has(_minute), Has(_minute))).Failure, Is.Null);
    }

    private sealed class Fixed(DnsAnswer six, DnsAnswer four) : IDnsResolver
    {
        public ValueTask<DnsAnswer> AskAsync(string name, DnsType type, CancellationToken stop) =>
            ValueTask.FromResult(type == DnsType.Aaaa ? six : four);
    }
}

/// <summary>The targets of SRV records as name servers send them.</summary>
internal sealed class WireNameTests
{
    [TestCase(new byte[] { 0 }, ".")]
    [TestCase(new byte[] { 1, (byte)'a', 2, (byte)'b', (byte)'C', 0 }, "a.bC")]
    [TestCase(new byte[] { 3, (byte)'a', (byte)'.', (byte)'b', 0 }, "a?b")]
    [TestCase(new byte[] { 2, (byte)'a', 0, 0 }, "a?")]
    [TestCase(new byte[] { 1, 0xE9, 0 }, "?")]
    [TestCase(new byte[] { 2, (byte)'a' }, null)]
    [TestCase(new byte[] { 1, (byte)'a' }, null)]
    [TestCase(new byte[] { }, null)]
    public void A_name_is_read_or_refused(byte[] wire, string? name) =>
        Assert.That(AnswerReader.NameOf(wire), Is.EqualTo(name));
}
