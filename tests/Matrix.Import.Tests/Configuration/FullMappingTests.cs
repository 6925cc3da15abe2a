using System.Net;
using Matrix.Core.Json;
using Matrix.Host.AppServices;
using Matrix.Host.Configuration;
using Matrix.Host.Users.AppServices;
using Matrix.Import.Configuration.Mapping;
using Matrix.Import.Configuration.Table;

namespace Matrix.Import.Tests.Configuration;

[Parallelizable(ParallelScope.All)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class FullMappingTests : IDisposable
{
    /// <summary>Settings of this server that only other configurations than the full one have.</summary>
    private static readonly string[] _ofOthers =
        ["federation.deny_servers", "registration.requires_phone", "turn.username", "turn.password"];

    private readonly ConfigFolder _folder = new();

    public FullMappingTests() => FullConfiguration.WriteFiles(_folder);

    public void Dispose() => _folder.Dispose();

    [Test]
    public async Task This_server_accepts_what_is_written_and_has_the_values()
    {
        var config = await _folder.CarryAsync(FullConfiguration.Text);

        Assert.That(config.ServerName, Is.EqualTo("example.org"));
        Assert.That(config.ClientListener, Is.EqualTo(IPEndPoint.Parse("127.0.0.1:8008")));
        Assert.That(config.FederationListener, Is.EqualTo(IPEndPoint.Parse("0.0.0.0:8448")));
        Assert.That(config.FederationOnClient && config.Http.TrustForwardedFor, Is.True);
        Assert.That(config.MetricsListener, Is.EqualTo(IPEndPoint.Parse("127.0.0.1:9000")));
        Assert.That(config.Tls, Is.EqualTo(new TlsFiles(_folder.PathOf("tls.crt"), _folder.PathOf("tls.key"))));
        Assert.That(config.Network.CustomCa, Is.EqualTo(Path.Combine(_folder.Target, "custom-ca.pem")));
        Assert.That(config.Client.PublicBaseUrl, Is.EqualTo("https://matrix.example.org"));
        Assert.That(
            config.Client.WellKnownClient.Members.Select(member => member.Item1),
            Is.EquivalentTo(new[] { "m.identity_server", "im.vector.riot.e2ee", "org.example.n" }));
        Assert.That(config.Client.RtcTransports.Single().Text("type"), Is.EqualTo("livekit"));
        Assert.That(config.Client.RegistrationSharedSecret, Is.EqualTo("hunter2-\"registration\"\\ü"));
        Assert.That(config.Rooms.DefaultRoomVersion, Is.EqualTo("10"));
        Assert.That(config.Rooms.Notices.Localpart, Is.EqualTo("notices"));
        Assert.That(config.Retention.FollowsRooms, Is.True);
        Assert.That(config.Media.UploadBytes, Is.EqualTo(100L << 20));
        Assert.That(config.Media.PreviewLanguages, Is.EqualTo("de, en;q=0.5"));
        Assert.That(config.Users.Turn.SharedSecret, Is.EqualTo("hunter2-turn"));
        Assert.That(config.Users.Turn.Uris, Has.Count.EqualTo(2));
        Assert.That(config.Users.ShortestPassword, Is.EqualTo(15));
        Assert.That(config.Mail.Host, Is.EqualTo("mail.example.org"));
        Assert.That(config.Mail.From, Is.EqualTo("Your Example server <noreply@example.org>"));
        Assert.That(config.Rates.Login.PerSecond, Is.EqualTo(0.003));
    }

    [Test]
    public async Task A_provider_keeps_its_id_and_has_its_secret_in_a_file()
    {
        var config = await _folder.CarryAsync(FullConfiguration.Text);

        var provider = config.Users.Sso.Providers.Single();
        Assert.That(provider.Id, Is.EqualTo("oidc-corp"));
        Assert.That(provider.Name, Is.EqualTo("Example Corp"));
        Assert.That(provider.Issuer, Is.EqualTo("https://id.example.org/"));
        Assert.That(provider.ClientSecret, Is.EqualTo("hunter2-oidc"));
        Assert.That(provider.Scopes, Is.EqualTo(new[] { "openid", "profile", "email" }));
        Assert.That(provider.Localpart.Text, Is.EqualTo("{preferred_username}"));
        Assert.That(provider.DisplayName.Text, Is.EqualTo("{given_name} {family_name}"));
        Assert.That(provider.LinksUsers && !provider.CreatesUsers, Is.True);
        Assert.That(config.Users.Sso.ClientUrls, Is.EqualTo(new[] { "https://chat.example.org/" }));
    }

    [Test]
    public async Task Registrations_of_the_same_file_name_are_copied_and_read_here()
    {
        var config = await _folder.CarryAsync(FullConfiguration.Text);

        var files = Directory.GetFiles(config.AppServiceFiles.Single()).Order(StringComparer.Ordinal).ToList();
        var mistakes = new List<string>();
        AppService?[] services =
        [
            .. files.Select(file => RegistrationFile.Read(
                file, File.ReadAllText(file), "example.org", 100, out _, mistakes)),
        ];
        Assert.That(mistakes, Is.Empty);
        Assert.That(services.Select(service => service!.Id), Is.EquivalentTo(new[] { "irc", "slack" }));
        Assert.That(files.Select(Path.GetFileName), Is.EqualTo(new[] { "registration-2.yaml", "registration.yaml" }));
    }

    [Test]
    public async Task Every_target_of_the_table_is_written_by_something()
    {
        var mapped = await _folder.MapAsync(FullConfiguration.Text);

        var missing = SettingTable.Rows.SelectMany(row => row.Targets).Distinct()
            .Where(target => !mapped.Config.Settings.ContainsKey(target));

        Assert.That(missing, Is.EquivalentTo(_ofOthers));
    }

    [Test]
    public async Task Nothing_of_it_is_unknown_or_refused()
    {
        var mapped = await _folder.MapAsync(FullConfiguration.Text);

        Assert.That(
            mapped.Findings.Where(finding => finding.Kind is FindingKind.Unknown or FindingKind.Refused), Is.Empty);
        Assert.That(mapped.Unaccepted([]), Is.Empty);
    }

    [Test]
    public async Task No_secret_is_lost_or_told()
    {
        var mapped = await _folder.MapAsync(FullConfiguration.Text);

        _ = await _folder.LoadWrittenAsync(mapped.Config);
        var written = string.Concat(Directory.GetFiles(_folder.Target, "*", SearchOption.AllDirectories)
            .Select(File.ReadAllText));
        string[] secrets = ["turn", "mail", "captcha", "oidc", "as-irc", "hs-irc", "as-slack", "hs-slack"];
        Assert.That(secrets.Where(secret => !written.Contains($"{FullConfiguration.SecretMark}-{secret}")), Is.Empty);
        Assert.That(
            mapped.Findings.Select(finding => finding.ToString()), Has.None.Contains(FullConfiguration.SecretMark));
        Assert.That(
            mapped.Config.Files.Select(file => file.ToString()), Has.None.Contains(FullConfiguration.SecretMark));
    }

    [Test]
    public async Task All_files_are_their_owners_alone()
    {
        var mapped = await _folder.MapAsync(FullConfiguration.Text);

        _ = await _folder.LoadWrittenAsync(mapped.Config);

        var modes = Directory.GetFiles(_folder.Target, "*", SearchOption.AllDirectories).Select(File.GetUnixFileMode);
        Assert.That(modes, Is.All.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(mapped.Config.Files.Select(file => file.Name), Is.EqualTo(new[]
        {
            "custom-ca.pem", "app-services/registration.yaml", "app-services/registration-2.yaml", "oidc-corp.secret",
            "homeserver.yaml",
        }));
    }

    [Test]
    public async Task A_second_run_changes_nothing_and_another_content_stops_it()
    {
        var config = (await _folder.MapAsync(FullConfiguration.Text)).Config;
        var first = await config.WriteAsync(_folder.Target, CancellationToken.None);
        var second = await config.WriteAsync(_folder.Target, CancellationToken.None);
        var secret = Path.Combine(_folder.Target, "oidc-corp.secret");
        await File.WriteAllTextAsync(secret, "another");
        File.Delete(Path.Combine(_folder.Target, "homeserver.yaml"));
        var third = await config.WriteAsync(_folder.Target, CancellationToken.None);

        Assert.That(((ConfigWriting.Done)first).Written, Has.Count.EqualTo(5));
        Assert.That(((ConfigWriting.Done)second).Unchanged, Has.Count.EqualTo(5));
        Assert.That(third, Is.EqualTo(new ConfigWriting.Differs(secret)));
        Assert.That(File.Exists(Path.Combine(_folder.Target, "homeserver.yaml")), Is.False);
    }

    [Test]
    public async Task A_folder_that_cannot_be_made_is_a_typed_failure()
    {
        var config = (await _folder.MapAsync("")).Config;
        var file = _folder.Write("in-the-way", "");

        var written = await config.WriteAsync(file, CancellationToken.None);

        Assert.That(written, Is.InstanceOf<ConfigWriting.Failed>());
    }
}
