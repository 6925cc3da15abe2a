using System.Net;
using Matrix.Host.Network;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Tests.Network;

/// <summary>To which addresses the server connects on behalf of others.</summary>
internal sealed class AddressPolicyTests
{
    private static AddressPolicy Policy(params string[] allowed) => new(
        new NetworkOptions { ServerName = "us.example", AllowNetworks = [.. allowed.Select(IPNetwork.Parse)] });

    private static bool Allows(string address, params string[] allowed) =>
        Policy(allowed).Allows(IPAddress.Parse(address));

    [TestCase("1.1.1.1")]
    [TestCase("9.255.255.255")]
    [TestCase("11.0.0.0")]
    [TestCase("100.63.255.255")]
    [TestCase("100.128.0.0")]
    [TestCase("126.255.255.255")]
    [TestCase("128.0.0.0")]
    [TestCase("172.15.255.255")]
    [TestCase("172.32.0.0")]
    [TestCase("192.0.1.0")]
    [TestCase("198.17.255.255")]
    [TestCase("198.20.0.0")]
    [TestCase("223.255.255.255")]
    [TestCase("2606:4700::1111")]
    [TestCase("2a00::1")]
    [TestCase("2001:200::1")]
    [TestCase("3ffe::1")]
    public void Public_addresses_are_allowed(string address) => Assert.That(Allows(address), Is.True);

    [TestCase("0.0.0.0")]
    [TestCase("0.255.255.255")]
    [TestCase("10.0.0.0")]
    [TestCase("10.255.255.255")]
    [TestCase("100.64.0.0")]
    [TestCase("100.127.255.255")]
    [TestCase("127.0.0.1")]
    [TestCase("127.255.255.255")]
    [TestCase("169.254.169.254")]
    [TestCase("172.16.0.0")]
    [TestCase("172.31.255.255")]
    [TestCase("192.0.0.1")]
    [TestCase("192.0.2.1")]
    [TestCase("192.88.99.1")]
    [TestCase("192.168.0.0")]
    [TestCase("192.168.255.255")]
    [TestCase("198.18.0.0")]
    [TestCase("198.19.255.255")]
    [TestCase("198.51.100.1")]
    [TestCase("203.0.113.1")]
    [TestCase("224.0.0.1")]
    [TestCase("239.255.255.255")]
    [TestCase("240.0.0.1")]
    [TestCase("255.255.255.255")]
    public void Special_IPv4_addresses_are_refused(string address) => Assert.That(Allows(address), Is.False);

    [TestCase("::")]
    [TestCase("::1")]
    [TestCase("::7f00:1")]
    [TestCase("::101:101")]
    [TestCase("::ffff:0:1.1.1.1")]
    [TestCase("64:ff9b:1::1")]
    [TestCase("100::1")]
    [TestCase("2001:2::1")]
    [TestCase("2001:10::1")]
    [TestCase("2001:20::1")]
    [TestCase("2001:db8::1")]
    [TestCase("3fff::1")]
    [TestCase("4000::1")]
    [TestCase("5f00::1")]
    [TestCase("fc00::1")]
    [TestCase("fdff:ffff::1")]
    [TestCase("fe80::1")]
    [TestCase("fe80::1%1")]
    [TestCase("fec0::1")]
    [TestCase("ff02::1")]
    public void Special_IPv6_addresses_are_refused(string address) => Assert.That(Allows(address), Is.False);

    [TestCase("::ffff:{0}", "7f00:1", "101:101", TestName = "IPv4-mapped")]
    [TestCase("2002:{0}::1", "a00:1", "101:101", TestName = "6to4")]
    [TestCase("64:ff9b::{0}", "a9fe:a9fe", "101:101", TestName = "NAT64")]
    // Teredo: the server in bits 32 to 63, the client inverted in the last 32.
    [TestCase("2001:0:{0}::fefe:fefe", "7f00:1", "101:101", TestName = "Teredo server")]
    [TestCase("2001:0:101:101::{0}", "80ff:fffe", "fefe:fefe", TestName = "Teredo client")]
    public void An_IPv6_address_that_holds_an_IPv4_address_is_as_public_as_that(
        string form, string special, string publicAddress)
    {
        Assert.That(Allows(string.Format(null, form, special)), Is.False);
        Assert.That(Allows(string.Format(null, form, publicAddress)), Is.True);
    }

    [Test]
    public void Allowed_networks_are_allowed_and_their_neighbours_are_not()
    {
        Assert.That(Allows("127.0.0.9", "127.0.0.0/29", "fd00::/64"), Is.False);
        Assert.That(Allows("127.0.0.7", "127.0.0.0/29", "fd00::/64"), Is.True);
        Assert.That(Allows("::ffff:127.0.0.7", "127.0.0.0/29", "fd00::/64"), Is.True);
        Assert.That(Allows("fd00::1", "127.0.0.0/29", "fd00::/64"), Is.True);
        Assert.That(Allows("fd00:0:0:1::1", "127.0.0.0/29", "fd00::/64"), Is.False);
    }

    [Test]
    public void An_allowed_IPv4_network_does_not_allow_the_gateways_to_it()
    {
        Assert.That(Allows("64:ff9b::7f00:1", "127.0.0.0/8"), Is.False);
        Assert.That(Allows("2002:7f00:1::1", "127.0.0.0/8"), Is.False);
        Assert.That(Allows("64:ff9b::7f00:1", "127.0.0.0/8", "64:ff9b::/96"), Is.True);
    }
}
