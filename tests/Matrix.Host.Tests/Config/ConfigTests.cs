using System.Collections;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Matrix.Host.Configuration;

namespace Matrix.Host.Tests.Config;

public sealed class ConfigTests
{
    private static readonly Dictionary<string, string> _renamed = new()
    {
        ["limits.big_body"] = "limits.large_body",
        ["web.clients"] = "listeners.client",
        ["name"] = "server_name",
    };

    [Test]
    public void An_empty_file_is_the_defaults()
    {
        var (config, mistakes) = Load("");

        Assert.That(mistakes, Is.Empty);
        Assert.That(config!.ServerName, Is.EqualTo("localhost"));
        Assert.That(config.ClientListener!.ToString(), Is.EqualTo("127.0.0.1:8008"));
        Assert.That(config.MetricsListener, Is.Null);
        Assert.That(config.Storage.Url, Is.EqualTo("sqlite:matrix.db"));
        Assert.That(config.DataDir, Is.EqualTo("/somewhere"));
    }

    [Test]
    public void The_commented_file_shows_the_defaults()
    {
        var uncommented = string.Join('\n', ConfigTemplate.Write("example.org").Split('\n')
            .Select(line => System.Text.RegularExpressions.Regex.Replace(line, "^( *)#(?=[a-z])", "$1")));
        var (values, mistakes) = ConfigValues.Read("homeserver.yaml", uncommented, new Hashtable());

        Assert.That(mistakes, Is.Empty);
        var (config, _) = HomeserverConfig.From(values, "/somewhere");
        Assert.That(config!.ServerName, Is.EqualTo("example.org"));
        Assert.That(config.Users.AccessTokenLifetime, Is.EqualTo(TimeSpan.FromHours(1)));
        foreach (var setting in Settings.All.Where(static each => !each.IsHidden))
        {
            Assert.That(values.LocationOf(setting.Name), Does.StartWith("homeserver.yaml:"), setting.Name);
            Assert.That(setting.Mistake(setting.DefaultText.Trim('"')), Is.Null, setting.Name);
        }
    }

    [Test]
    public void The_environment_wins()
    {
        var (config, mistakes) = Load(
            "server_name: a.example\nlisteners:\n  client: 127.0.0.1:1\n",
            ("MATRIX_LISTENERS__CLIENT", "127.0.0.1:18008"),
            ("MATRIX_RATE_LIMITS__ENABLED", "false"));

        Assert.That(mistakes, Is.Empty);
        Assert.That(config!.ServerName, Is.EqualTo("a.example"));
        Assert.That(config.ClientListener!.Port, Is.EqualTo(18008));
        Assert.That(config.Rates.Enabled, Is.False);
    }

    [TestCase("server_nam: x\n", "homeserver.yaml:1: unknown setting `server_nam`; did you mean `server_name`?")]
    [TestCase(
        "\nlimits:\n  boddy: 1\n",
        "homeserver.yaml:3: unknown setting `limits.boddy`; did you mean `limits.body`?")]
    [TestCase("limit:\n  body: 1\n", "homeserver.yaml:1: unknown setting `limit`; did you mean `limits`?")]
    [TestCase(
        "database:\n  readers: many\n",
        "homeserver.yaml:2: `database.readers`: expected an integer from 1 to 256, found `many`")]
    [TestCase(
        "registration:\n  enabled: yes\n",
        "homeserver.yaml:2: `registration.enabled`: expected true or false, found `yes`")]
    [TestCase(
        "listeners:\n  client: 8008\n",
        "homeserver.yaml:2: `listeners.client`: "
            + "expected address:port, such as 127.0.0.1:8008 or [::]:8008, or nothing, found `8008`")]
    [TestCase(
        "room_versions:\n  default: 13\n",
        "homeserver.yaml:2: `room_versions.default`: "
            + "expected one of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, org.example.owned-state, found `13`")]
    [TestCase(
        "room_versions:\n  default: org.example.owned-state\n",
        "homeserver.yaml:2: `room_versions.default`: expected a version of the specification "
            + "or one that `room_versions.unstable` lists, found `org.example.owned-state`")]
    [TestCase(
        "room_versions:\n  unstable:\n    - org.example.owned-state\n    - org.example.mine\n",
        "homeserver.yaml:4: `room_versions.unstable`: "
            + "expected a list of any of org.example.owned-state, found `org.example.mine`")]
    [TestCase(
        "room_versions:\n  unstable: [12]\n",
        "homeserver.yaml:2: `room_versions.unstable`: expected a list of any of org.example.owned-state, found `12`")]
    [TestCase(
        "room_versions:\n  unstable:\n    - a: b\n",
        "homeserver.yaml:3: `room_versions.unstable`: expected a list of values")]
    [TestCase(
        "room_versions:\n  unstable:\n    a: b\n",
        "homeserver.yaml:2: `room_versions.unstable` is a setting, not a group")]
    [TestCase(
        "server_name: a b\n",
        "homeserver.yaml:1: `server_name`: expected a server name, such as example.org or localhost:8448, found `a b`")]
    [TestCase("server_name:\n  a: b\n", "homeserver.yaml:1: `server_name` is a setting, not a group")]
    [TestCase("limits: 5\n", "homeserver.yaml:1: `limits` is a group: expected indented settings below it")]
    [TestCase("server_name: a\nserver_name: b\n", "homeserver.yaml:2: `server_name` is set twice")]
    [TestCase("server_name: [a]\n", "homeserver.yaml:1: `server_name`: expected a value or nested settings")]
    [TestCase(
        "limits:\n  body: 1KiB\n",
        "homeserver.yaml:2: `limits.body`: expected bytes, such as 65536 or 64KiB, from 4KiB to 64MiB, found `1KiB`")]
    [TestCase(
        "sessions:\n  access_token_lifetime: 5\n",
        "homeserver.yaml:2: `sessions.access_token_lifetime`: "
            + "expected a time, such as 500ms, 30s, 15m, 24h or 7d, found `5`")]
    [TestCase("tls:\n  key: /no/such/file\n", "homeserver.yaml:2: `tls.key`: /no/such/file does not exist")]
    [TestCase(
        "federation:\n  custom_ca: /no/such/file\n",
        "homeserver.yaml:2: `federation.custom_ca`: /no/such/file does not exist")]
    [TestCase(
        "federation:\n  allow_networks:\n    - 10.0.0.0/8\n    - 10.0.0.0/40\n",
        "homeserver.yaml:4: `federation.allow_networks`: "
            + "expected a list of networks, such as 10.0.0.0/8 or ::1/128, found `10.0.0.0/40`")]
    [TestCase(
        "federation:\n  nameservers: 127.0.0.1\n",
        "homeserver.yaml:2: `federation.nameservers`: "
            + "expected a list of address:port, such as 127.0.0.1:53 or [::1]:53, found `127.0.0.1`")]
    [TestCase(
        "federation:\n  deny_servers: [\"a b\"]\n",
        "homeserver.yaml:2: `federation.deny_servers`: expected a list of server names, in which * and ? are "
            + "wildcards, such as example.org or *.example.org, found `a b`")]
    [TestCase(
        "federation:\n  sockets: 1\n",
        "homeserver.yaml:2: `federation.sockets`: expected an integer from 8 to 65536, found `1`")]
    [TestCase(
        "federation:\n  outbound_servers: 1\n",
        "homeserver.yaml:2: `federation.outbound_servers`: expected an integer from 4 to 10000, found `1`")]
    [TestCase(
        "listeners:\n  client: \"\"\n  federation_on_client: true\n",
        "homeserver.yaml:3: `listeners.federation_on_client` needs a `listeners.client`")]
    [TestCase(
        "limits:\n  transaction_body: 3MiB\n",
        "homeserver.yaml:2: `limits.transaction_body`: "
            + "expected bytes, such as 65536 or 64KiB, from 4MiB to 256MiB, found `3MiB`")]
    [TestCase(
        "tls:\n  check_interval: 30\n",
        "homeserver.yaml:2: `tls.check_interval`: expected a time, such as 500ms, 30s, 15m, 24h or 7d, found `30`")]
    [TestCase("cluster:\n  node: left\n", "homeserver.yaml:2: `cluster.node` needs a `database.url` of PostgreSQL")]
    [TestCase(
        "cluster:\n  node: left/right\n",
        "homeserver.yaml:2: `cluster.node`: expected at most 64 letters, digits and - . _")]
    [TestCase(
        "database:\n  url: postgres://a@b/c\ncluster:\n  node: left\n  take_over_after: 1s\n",
        "homeserver.yaml:5: `cluster.take_over_after`: expected at least 3s")]
    [TestCase(
        "turn:\n  uris: [\"turn:a.example\"]\n",
        "homeserver.yaml:2: `turn.uris` needs `turn.shared_secret`, or `turn.username` and its password")]
    [TestCase(
        "registration:\n  requires_email: true\n",
        "homeserver.yaml:2: `registration.requires_email` needs `email.smtp_host`, `email.from` and `public_base_url`")]
    [TestCase(
        "public_base_url: https://a.example\nregistration:\n  requires_phone: true\n",
        "homeserver.yaml:3: `registration.requires_phone` needs `text_messages.gateway_url` and `public_base_url`")]
    [TestCase(
        "email:\n  smtp_tls: yes\n",
        "homeserver.yaml:2: `email.smtp_tls`: expected one of starttls, implicit, none, true, false, found `yes`")]
    [TestCase(
        "email:\n  smtp_host: mail.example\n  smtp_tls: none\n  smtp_user: a\n  from: a@b.example\n",
        "homeserver.yaml:4: `email.smtp_user` needs `email.smtp_tls: starttls` or `implicit`, or an "
            + "`email.smtp_host` on the loopback interface: the password is not sent without encryption")]
    [TestCase(
        "public_base_url: http://a.example\noauth:\n  only: true\n",
        "homeserver.yaml:3: `oauth.only` needs a `public_base_url` with https, or with http on the loopback interface")]
    [TestCase(
        "well_known:\n  client:\n    org.example.a: 1\n",
        "homeserver.yaml:3: `well_known.client` needs a `public_base_url`")]
    [TestCase(
        "well_known:\n  client:\n    a: 1\n    a: 2\n",
        "homeserver.yaml:3: `well_known.client`: expected names once each, and values that JSON has")]
    [TestCase(
        "well_known:\n  policy_server_key: abc\n",
        "homeserver.yaml:2: `well_known.policy_server_key`: "
            + "expected an Ed25519 key of 32 bytes as unpadded Base64, or nothing, found `abc`")]
    [TestCase("- a\n", "homeserver.yaml:1: expected settings as `name: value`")]
    public void A_mistake_names_its_location_and_what_was_expected(string file, string expected)
    {
        var (config, mistakes) = Load(file);

        Assert.That(config, Is.Null);
        Assert.That(mistakes.Select(m => m.ToString()), Does.Contain(expected));
    }

    [TestCase("{\"m.homeserver\": {\"base_url\": \"https://a.example\"}}")]
    [TestCase("{\"m.identity_server\": {\"base_url\": \"ftp://a.example\"}}")]
    [TestCase("{\"m.identity_server\": \"https://a.example\"}")]
    [TestCase("[1]")]
    [TestCase("text")]
    public void Members_that_break_the_clients_file_are_refused(string members)
    {
        var (_, mistakes) = Load("public_base_url: https://b.example\n", ("MATRIX_WELL_KNOWN__CLIENT", members));

        Assert.That(mistakes.Select(m => m.ToString()), Has.One.Contains("`well_known.client`: expected"));
    }

    [Test]
    public void Members_of_the_clients_file_are_nested_settings_or_json()
    {
        const string Yaml = "public_base_url: https://b.example\nwell_known:\n  client:\n    org.example.a:\n"
            + "      on: true\n      text: \"true\"\n      list: [1, -2, 0.5, a, null, {b: c}]\n";
        const string Json =
            "{\"org.example.a\":{\"list\":[1,-2,0.5,\"a\",null,{\"b\":\"c\"}],\"on\":true,\"text\":\"true\"}}";

        var (config, mistakes) = Load(Yaml);
        var (same, _) = Load("public_base_url: https://b.example\n", ("MATRIX_WELL_KNOWN__CLIENT", Json));

        Assert.That(mistakes, Is.Empty);
        Assert.That(config!.Client.WellKnownClient, Is.EqualTo(same!.Client.WellKnownClient));
        Assert.That(config.Client.WellKnownClient.Count, Is.EqualTo(1));
    }

    [TestCase("{\"type\": \"livekit\", \"livekit_service_url\": \"https://a.example\"}")]
    [TestCase("[{\"type\": \"livekit\"}]")]
    [TestCase("[{\"type\": \"livekit\", \"livekit_service_url\": \"ftp://a.example\"}]")]
    [TestCase("[{\"livekit_service_url\": \"https://a.example\"}]")]
    [TestCase("[{\"type\": \"\"}]")]
    [TestCase("[\"livekit\"]")]
    [TestCase("text")]
    public void Transports_that_clients_cannot_use_are_refused(string transports)
    {
        var (_, mistakes) = Load("", ("MATRIX_MATRIX_RTC__TRANSPORTS", transports));

        Assert.That(mistakes.Select(m => m.ToString()), Has.One.Contains("`matrix_rtc.transports`: expected"));
    }

    [Test]
    public void Transports_are_a_list_of_settings_or_json()
    {
        const string Yaml = "matrix_rtc:\n  transports:\n    - type: livekit\n"
            + "      livekit_service_url: https://a.example\n    - {type: org.example, zones: [1, {b: c}]}\n";
        const string Json = "[{\"type\":\"livekit\",\"livekit_service_url\":\"https://a.example\"},"
            + "{\"type\":\"org.example\",\"zones\":[1,{\"b\":\"c\"}]}]";

        var (config, mistakes) = Load(Yaml);
        var (same, _) = Load("", ("MATRIX_MATRIX_RTC__TRANSPORTS", Json));

        Assert.That(mistakes, Is.Empty);
        Assert.That(config!.Client.RtcTransports, Has.Count.EqualTo(2));
        Assert.That(config.Client.RtcTransports, Is.EqualTo(same!.Client.RtcTransports));
    }

    [Test]
    public void Transports_and_their_member_of_the_clients_file_are_not_both_set()
    {
        var (_, mistakes) = Load(
            "public_base_url: https://b.example\nmatrix_rtc:\n  transports: [{type: a}]\n"
                + "well_known:\n  client:\n    org.matrix.msc4143.rtc_foci: []\n");

        Assert.That(
            mistakes.Select(m => m.ToString()), Has.One.Contains("`org.matrix.msc4143.rtc_foci` is set twice"));
    }

    [TestCase("room_versions:\n  unstable: [org.example.owned-state]\n  default: org.example.owned-state\n")]
    [TestCase(
        "room_versions:\n  unstable:\n    - org.example.owned-state\n    - org.example.owned-state\n"
            + "  default: org.example.owned-state\n")]
    [TestCase("room_versions:\n  unstable: org.example.owned-state\n  default: org.example.owned-state\n")]
    public void An_unstable_room_version_can_be_switched_on_and_be_the_default(string file)
    {
        var (config, mistakes) = Load(file);

        Assert.That(mistakes, Is.Empty);
        Assert.That(config!.Rooms.UnstableRoomVersions, Is.EqualTo(new[] { "org.example.owned-state" }));
        Assert.That(config.Rooms.DefaultRoomVersion, Is.EqualTo("org.example.owned-state"));
    }

    [Test]
    public void No_unstable_room_version_is_switched_on_by_itself()
    {
        var (config, mistakes) = Load("room_versions:\n  unstable: []\n");

        Assert.That(mistakes, Is.Empty);
        Assert.That(
            config!.Rooms.UnstableRoomVersions,
            Is.Empty.And.EqualTo(Load("").Item1!.Rooms.UnstableRoomVersions));
    }

    [Test]
    public void A_file_without_its_beginning_is_reported_in_one_line()
    {
        // A power cut while a file is written can leave this on disk.
        var (_, mistakes) = Load("\0\0\0\0: a\n# The rest is there.\n");

        Assert.That(mistakes.Select(m => m.ToString()), Has.One.StartsWith("homeserver.yaml: not YAML"));
    }

    [Test]
    public void Broken_yaml_is_reported_with_its_line()
    {
        var (_, mistakes) = Load("server_name: a\nlimits: {body: 3\n");

        Assert.That(
            mistakes.Select(m => m.ToString()),
            Has.Some.Matches<string>(
                m => m.StartsWith("homeserver.yaml:", StringComparison.Ordinal) && m.Contains("not YAML")));
    }

    [Test]
    public void A_mistyped_variable_of_a_group_of_ours_is_refused_and_others_are_not_ours()
    {
        var (_, mistakes) = Load(
            "",
            ("MATRIX_LISTENERS__CLIENTS", "x"),
            ("MATRIX_SPEC_DIR", "y"),
            ("MATRIX_CONFIG", "z"),
            ("MATRIX_OTHER__TOOL", "w"));

        Assert.That(mistakes.Select(m => m.ToString()), Is.EqualTo(new[]
        {
            "MATRIX_LISTENERS__CLIENTS: unknown setting; did you mean `MATRIX_LISTENERS__CLIENT`?",
        }));
    }

    [Test]
    public void Each_setting_sets_an_option_of_its_own()
    {
        var untouched = Load("").Item1!;
        var (config, mistakes) = Load(
            "limits:\n  body: 5KiB\n  header_time: 7s\n"
                + "rate_limits:\n  login_per_second: 3\n  login_burst: 4\n"
                + "log:\n  level: error\n  format: json\n");

        Assert.That(mistakes, Is.Empty);
        Assert.That(
            (config!.Http.Body, config.Connections.HeaderTime),
            Is.EqualTo((5 * 1024, TimeSpan.FromSeconds(7))));
        Assert.That(
            (config.Rates.Login.PerSecond, config.Rates.Login.Burst, config.Rates.Password),
            Is.EqualTo((3d, 4d, untouched.Rates.Password)));
        Assert.That(
            (config.LogLevel, config.LogAsJson),
            Is.EqualTo((Microsoft.Extensions.Logging.LogLevel.Error, true)));
        Assert.That(
            (untouched.Http.Body, untouched.Rates.Login.Burst),
            Is.EqualTo((64 * 1024, 20d)),
            "defaults are not touched");
    }

    [Test]
    public void Lists_of_networks_and_servers_are_yaml_lists()
    {
        var (config, mistakes) = Load("""
            federation:
              allow_networks: [127.0.0.0/8, "::1/128"]
              nameservers:
                - 127.0.0.1:5353
                - "[::1]:53"
              allow_servers: ["*.example.org", "localhost:*", "[::1]:8448"]
              deny_servers: []
            """);

        Assert.That(mistakes, Is.Empty);
        Assert.That(
            config!.Network.AllowNetworks.Select(n => n.ToString()), Is.EqualTo(new[] { "127.0.0.0/8", "::1/128" }));
        Assert.That(
            config.Network.Nameservers.Select(n => n.ToString()), Is.EqualTo(new[] { "127.0.0.1:5353", "[::1]:53" }));
        Assert.That(config.Network.AllowServers, Is.EqualTo(new[] { "*.example.org", "localhost:*", "[::1]:8448" }));
        Assert.That(config.Network.DenyServers, Is.Empty);
    }

    [Test]
    public void Lists_have_commas_in_the_environment()
    {
        var (config, mistakes) = Load(
            "server_name: a.example\n",
            ("MATRIX_FEDERATION__ALLOW_NETWORKS", "127.0.0.0/8,::1/128"),
            ("MATRIX_FEDERATION__NAMESERVERS", "127.0.0.1:5353, [::1]:53"),
            ("MATRIX_FEDERATION__ALLOW_SERVERS", "[::1]"),
            ("MATRIX_FEDERATION__DENY_SERVERS", ""));

        Assert.That(mistakes, Is.Empty);
        Assert.That(config!.Network.ServerName, Is.EqualTo("a.example"));
        Assert.That(
            config.Network.AllowNetworks.Select(n => n.ToString()), Is.EqualTo(new[] { "127.0.0.0/8", "::1/128" }));
        Assert.That(
            config.Network.Nameservers.Select(n => n.ToString()), Is.EqualTo(new[] { "127.0.0.1:5353", "[::1]:53" }));
        Assert.That(config.Network.AllowServers, Is.EqualTo(new[] { "[::1]" }));
        Assert.That(config.Network.DenyServers, Is.Empty);
    }

    [Test]
    public void The_certificates_of_other_authorities_are_read_at_start()
    {
        using var ca = new Network.TestCa();
        var folder = Path.GetDirectoryName(ca.File)!;
        File.WriteAllText(Path.Combine(folder, "empty.pem"), "nothing");

        var (config, mistakes) = Load("federation:\n  custom_ca: " + ca.File + "\n");
        var (_, refused) = Load("federation:\n  custom_ca: " + Path.Combine(folder, "empty.pem") + "\n");

        Assert.That(mistakes, Is.Empty);
        Assert.That(config!.Network.CustomCa, Is.EqualTo(ca.File));
        var expected = $"{folder}/empty.pem: expected certificates (PEM).";
        Assert.That(
            refused.Select(m => m.ToString()),
            Is.EqualTo(new[] { $"homeserver.yaml:2: `federation.custom_ca`: {expected}" }));
    }

    [Test]
    public void A_certificate_with_the_key_of_another_is_refused()
    {
        var folder = Directory.CreateTempSubdirectory("matrix-config-").FullName;
        WriteCertificate(folder, "chain.pem", "key.pem");
        WriteCertificate(folder, "other.pem", "other-key.pem");
        IReadOnlyList<ConfigMistake> MistakesOf(string key) => Load(
            $"""
            tls:
              certificate: {folder}/chain.pem
              key: {folder}/{key}

            """).Item2;

        Assert.That(MistakesOf("key.pem"), Is.Empty);
        Assert.That(
            MistakesOf("other-key.pem").Single().ToString(),
            Does.StartWith("homeserver.yaml:2: `tls.certificate` and `tls.key`: "));
        Assert.That(MistakesOf("other.pem"), Has.Count.EqualTo(1), "a key that is none");
        Directory.Delete(folder, recursive: true);
    }

    [Test]
    public void The_settings_of_federation_have_a_listener_a_certificate_limits_and_rates()
    {
        var folder = Directory.CreateTempSubdirectory("matrix-config-").FullName;
        WriteCertificate(folder, "chain.pem", "key.pem");
        var (config, mistakes) = Load(
            $"""
            server_name: a.example
            listeners:
              federation: 0.0.0.0:8448
              federation_on_client: true
            tls:
              certificate: {folder}/chain.pem
              key: {folder}/key.pem
              check_interval: 5s
            limits:
              transaction_body: 5MiB
              federation_bodies: 64MiB
              federation_body_rate: 1KiB
              federation_connections: 50
              request_signatures: 3
              directory_members: 11
              directory_servers: 12
            rate_limits:
              federation_address_per_second: 1
              federation_address_burst: 2
              federation_server_per_second: 3
              federation_server_burst: 4

            """);
        Directory.Delete(folder, recursive: true);

        Assert.That(mistakes, Is.Empty);
        Assert.That(config!.FederationListener!.ToString(), Is.EqualTo("0.0.0.0:8448"));
        Assert.That(config.FederationOnClient, Is.True);
        Assert.That(config.Tls, Is.EqualTo(new TlsFiles($"{folder}/chain.pem", $"{folder}/key.pem")));
        Assert.That(config.TlsCheckInterval, Is.EqualTo(TimeSpan.FromSeconds(5)));
        Assert.That(
            (config.Http.TransactionBody, config.Http.FederationBodies, config.Http.FederationBodyRate),
            Is.EqualTo((5 << 20, 64L << 20, 1 << 10)));
        Assert.That((config.Connections.Federation, config.Federation.MaxSignatures), Is.EqualTo((50, 3)));
        Assert.That(config.Federation.ServerName, Is.EqualTo("a.example"));
        Assert.That((config.Rooms.MaxDirectoryMembers, config.Rooms.MaxDirectoryServers), Is.EqualTo((11, 12)));
        Assert.That(config.Rates.FederationAddress, Is.EqualTo(new Matrix.Host.Api.Http.Rate(1, 2)));
        Assert.That(config.Rates.FederationServer, Is.EqualTo(new Matrix.Host.Api.Http.Rate(3, 4)));
        Assert.That(Load("").Item1!.Tls, Is.Null);
    }

    [TestCase("limits:\n  big_body: 1MiB\n", "homeserver.yaml:2: `limits.big_body` was renamed to `limits.large_body`")]
    [TestCase("limits:\n  big_body:\n", "homeserver.yaml:2: `limits.big_body` was renamed to `limits.large_body`")]
    [TestCase("web:\n  clients: 127.0.0.1:1\n", "homeserver.yaml:2: `web.clients` was renamed to `listeners.client`")]
    [TestCase("name: a.example\n", "homeserver.yaml:1: `name` was renamed to `server_name`")]
    public void A_renamed_setting_is_refused_with_its_new_name(string file, string expected)
    {
        var (_, mistakes) = ConfigValues.Read("homeserver.yaml", file, new Hashtable(), _renamed);

        Assert.That(mistakes.Select(m => m.ToString()), Is.EqualTo(new[] { expected }));
    }

    [Test]
    public void A_setting_of_an_earlier_version_is_refused_with_its_new_name()
    {
        var (_, mistakes) = ConfigValues.Read("homeserver.yaml", "database:\n  flush_sets: 10\n", new Hashtable());

        Assert.That(
            mistakes.Select(m => m.ToString()),
            Is.EqualTo(new[] { "homeserver.yaml:2: `database.flush_sets` was renamed to `database.flush_batches`" }));
        Assert.That(Settings.Renamed.Values, Is.SubsetOf(Settings.All.Select(setting => setting.Name)));
        Assert.That(Settings.Renamed.Keys.Intersect(Settings.All.Select(setting => setting.Name)), Is.Empty);
    }

    [Test]
    public void A_renamed_variable_is_refused_with_its_new_name()
    {
        var (_, mistakes) = ConfigValues.Read("homeserver.yaml", "", new Hashtable
        {
            ["MATRIX_WEB__CLIENTS"] = "127.0.0.1:1",
        }, _renamed);

        Assert.That(
            mistakes.Select(m => m.ToString()),
            Is.EqualTo(new[] { "MATRIX_WEB__CLIENTS: this setting was renamed to `MATRIX_LISTENERS__CLIENT`" }));
    }

    [Test]
    public void A_secret_that_is_mistyped_is_not_shown()
    {
        var (_, mistakes) = Load("database:\n  url: postgres://user:hunter2\n");

        Assert.That(string.Join('\n', mistakes), Does.Not.Contain("hunter2").And.Contain("database.url"));
    }

    private static void WriteCertificate(string folder, string certificates, string key)
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=a.example", pair, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(Path.Combine(folder, certificates), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(folder, key), pair.ExportPkcs8PrivateKeyPem());
    }

    private static (HomeserverConfig?, IReadOnlyList<ConfigMistake>) Load(
        string file, params (string, string)[] environment)
    {
        var variables = new Hashtable();
        foreach (var (name, value) in environment) variables[name] = value;
        var (values, mistakes) = ConfigValues.Read("homeserver.yaml", file, variables);
        return mistakes.Count > 0 ? (null, mistakes) : HomeserverConfig.From(values, "/somewhere");
    }
}
