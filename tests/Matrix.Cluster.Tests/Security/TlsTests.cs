using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Matrix.Host.Cluster;
using Matrix.Host.Cluster.Membership;
using Matrix.Processes;
using Orleans;
using Orleans.Runtime;

namespace Matrix.Cluster.Tests.Security;

/// <summary>Who gets a connection to a node, and to whom a node connects.</summary>
[Category("PostgreSQL")]
internal sealed class TlsTests
{
    private static readonly SslApplicationProtocol _orleans = new("Orleans1");
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(20);

    private ClusterDatabase _database = null!;
    private NodeAuthority _authority = null!;
    private NodeAuthority _stranger = null!;

    [SetUp]
    public async Task CreateDatabase()
    {
        _database = await ClusterDatabase.CreateAsync();
        _authority = new NodeAuthority();
        _stranger = new NodeAuthority();
    }

    [TearDown]
    public async Task Dispose()
    {
        _authority.Dispose();
        _stranger.Dispose();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task Only_a_certificate_of_the_authority_with_the_name_of_a_node_gets_a_connection()
    {
        await using var a = await TestNode.StartAsync(_database, TestNode.OptionsOf(_authority, "a.nodes"), "a.nodes");
        await InsertAsync("b.nodes", IPEndPoint.Parse("127.0.0.1:1"), SiloStatus.Joining);

        // The node speaks to whom it lets in.
        Assert.That(await HearsAsync(a.Options.Listen!, _authority.Certificate("b.nodes")), Is.True);
        Assert.That(await HearsAsync(a.Options.Listen!, _authority.Certificate("c.nodes")), Is.False);
        Assert.That(await HearsAsync(a.Options.Listen!, _stranger.Certificate("b.nodes")), Is.False);
        Assert.That(await HearsAsync(a.Options.Listen!, null), Is.False);
    }

    [TestCase("b.nodes", false, true)]
    [TestCase("c.nodes", false, false)]
    [TestCase("b.nodes", true, false)]
    public async Task A_node_speaks_only_to_the_node_that_it_means(string name, bool isStrange, bool isSpokenTo)
    {
        using var listener = new TcpListener(IPAddress.Loopback, Repository.FreePort());
        listener.Start();
        await InsertAsync("b.nodes", (IPEndPoint)listener.LocalEndpoint, SiloStatus.Active);
        var options = TestNode.OptionsOf(_authority, "a.nodes") with { JoinTime = TimeSpan.FromSeconds(20) };
        await using var node = TestNode.Create(_database, options, TestNode.Draw("a.nodes")).Node;
        using var stop = new CancellationTokenSource();
        var starting = node.StartAsync(stop.Token);

        // It reaches for all nodes of the table before it joins.
        using var connection = await listener.AcceptTcpClientAsync().WaitAsync(_longest);
        await using var tls = new SslStream(connection.GetStream(), false, IsShown);
        Assert.That(
            await HearsAsync(tls, () => tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
            {
                ServerCertificate = (isStrange ? _stranger : _authority).Certificate(name),
                ClientCertificateRequired = true,
                ApplicationProtocols = [_orleans],
            })),
            Is.EqualTo(isSpokenTo));

        await stop.CancelAsync();
        Assert.That(() => starting, Throws.Exception);
    }

    [Test]
    public void A_node_does_not_begin_with_a_certificate_of_another_name()
    {
        var options = TestNode.OptionsOf(_authority, "a.nodes");

        Assert.That(
            () => TestNode.Create(_database, options, TestNode.Draw("b.nodes")),
            Throws.TypeOf<InvalidDataException>().With.Message.Contains("does not have the DNS name b.nodes"));
    }

    [Test]
    public void A_certificate_is_read_again_when_it_changes_and_stays_if_the_new_one_cannot_be_used()
    {
        var options = TestNode.OptionsOf(_authority, "a.nodes");
        var certificate = Host.Cluster.Security.NodeCertificate.Load(options, "a.nodes");
        var first = certificate.Own.Thumbprint;
        Assert.That(certificate.Reload(out _), Is.False);

        var (file, key) = _authority.Issue("a.nodes");
        File.Copy(file, options.Certificate, overwrite: true);
        Assert.That(certificate.Reload(out var problem), Is.True, "the key is missing");
        Assert.That(problem, Is.Not.Null);
        Assert.That(certificate.Reload(out _), Is.False, "it is said once");
        Assert.That(certificate.Own.Thumbprint, Is.EqualTo(first));

        File.Copy(key, options.Key, overwrite: true);
        Assert.That(certificate.Reload(out problem), Is.True);
        Assert.That(problem, Is.Null);
        Assert.That(certificate.Own.Thumbprint, Is.Not.EqualTo(first));
    }

    /// <summary>The test trusts any certificate; the node must not.</summary>
    private static bool IsShown(object sender, X509Certificate? shown, X509Chain? chain, SslPolicyErrors errors) =>
        shown is not null;

    private static async Task<bool> HearsAsync(IPEndPoint address, X509Certificate2? certificate)
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync(address);
        await using var tls = new SslStream(connection.GetStream(), false, IsShown);
        return await HearsAsync(tls, () => tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "a.nodes",
            ClientCertificates = certificate is null ? null : [certificate],
            ApplicationProtocols = [_orleans],
        }));
    }

    /// <summary>Whether the other side sends anything after the handshake.</summary>
    private static async Task<bool> HearsAsync(SslStream tls, Func<Task> handshake)
    {
        using var stop = new CancellationTokenSource(_longest);
        try
        {
            await handshake().WaitAsync(stop.Token);
            return await tls.ReadAsync(new byte[1], stop.Token) > 0;
        }
        catch (Exception fault) when (fault is AuthenticationException or IOException)
        {
            return false;
        }
    }

    private async Task InsertAsync(string node, IPEndPoint address, SiloStatus status)
    {
        var table = new SilosTable(_database.Source);
        await table.InitializeMembershipTableAsync(true, CancellationToken.None);
        var version = (await table.ReadAllAsync(CancellationToken.None)).Version;
        var entry = new MembershipEntry
        {
            SiloAddress = SiloAddress.New(address, 1),
            SiloName = SiloNames.Of(new(node, 1)),
            HostName = "host",
            Status = status,
        };
        Assert.That(await table.InsertRowAsync(entry, version.Next(), CancellationToken.None), Is.True);
    }
}
