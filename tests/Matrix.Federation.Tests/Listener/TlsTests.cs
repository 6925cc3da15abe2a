using System.Security.Cryptography.X509Certificates;
using Matrix.Host.Configuration;
using Matrix.Host.Listeners;

namespace Matrix.Federation.Tests.Listener;

/// <summary>The certificate of the federation listener.</summary>
public sealed class TlsTests
{
    private const string Version = "/_matrix/federation/v1/version";

    private TestCa _ca = null!;

    [OneTimeSetUp]
    public void SetUp() => _ca = new TestCa();

    [OneTimeTearDown]
    public void TearDown() => _ca.Dispose();

    [Test]
    public async Task A_renewed_certificate_is_served_without_a_restart_and_an_unusable_one_is_not()
    {
        var listener = Loopback.Next();
        var host = listener.Address.ToString();
        var (certificate, key) = _ca.Issue(host);
        await using var server = await TestServer.StartWithoutTlsAsync(
            listener, null, ("tls.certificate", certificate), ("tls.key", key), ("tls.check_interval", "50ms"));
        var first = await SerialAsync(server);

        // The chain is sent whole: the client trusts the root only.
        _ca.Issue(host, certificate[..^4]);
        await BecomesAsync(server, serial => serial != first);
        var second = await SerialAsync(server);

        // A new certificate may have been read before its key.
        const string kept = "The old TLS certificate stays";
        var before = Count(server.Log, kept);
        await File.WriteAllTextAsync(certificate + ".new", "nonsense");
        File.Move(certificate + ".new", certificate, overwrite: true);
        await Until.HoldsAsync(() => Count(server.Log, kept) == before + 1);
        File.Delete(key);
        await Until.HoldsAsync(() => Count(server.Log, kept) == before + 2);
        await Task.Delay(300);
        Assert.That(Count(server.Log, kept), Is.EqualTo(before + 2), "each state is logged once");
        Assert.That(await SerialAsync(server), Is.EqualTo(second));

        _ca.Issue(host, certificate[..^4]);
        await BecomesAsync(server, serial => serial != second);
    }

    [TestCase("nonsense", null)]
    [TestCase(null, "nonsense")]
    [TestCase(null, "of another certificate")]
    public void An_unusable_certificate_is_reported_at_the_start(string? certificate, string? key)
    {
        var files = _ca.Issue("127.0.0.1");
        if (certificate is not null) File.WriteAllText(files.Certificate, certificate);
        if (key is not null) File.WriteAllText(files.Key, key);
        if (key is "of another certificate") File.Copy(_ca.Issue("127.0.0.1").Key, files.Key, overwrite: true);

        var fault = Assert.Throws<InvalidDataException>(
            () => TlsCertificate.Load(new TlsFiles(files.Certificate, files.Key)));

        Assert.That(fault!.Message, Does.Match("^tls\\.certificate: .*cannot be used").And.Not.Contain("\n"));
        Assert.That(new TlsFiles(files.Certificate, files.Key).Mistake(), Is.Not.Empty, "mx config check says so, too");
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    private async Task BecomesAsync(TestServer server, Func<string, bool> expected)
    {
        for (var i = 0; i < 200; i++)
        {
            if (expected(await SerialAsync(server))) return;
            await Task.Delay(50);
        }

        Assert.Fail("The certificate stayed.");
    }

    /// <summary>The serial number of the certificate that a new connection gets.</summary>
    private async Task<string> SerialAsync(TestServer server)
    {
        var serial = "";
        using var http = _ca.Client((X509Certificate2 certificate) => serial = certificate.SerialNumber);
        using var request = Peer.Request(server, "GET", Version);
        (await Reply.SendAsync(http, request)).Is(200);
        return serial;
    }
}
