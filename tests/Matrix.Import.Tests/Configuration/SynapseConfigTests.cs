using Matrix.Import.Configuration;
using Matrix.Import.Configuration.Reading;
using Npgsql;

namespace Matrix.Import.Tests.Configuration;

[Parallelizable(ParallelScope.All)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class SynapseConfigTests : IDisposable
{
    private readonly ConfigFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Test]
    public async Task Debians_folder_replaces_outermost_settings_in_order_with_a_warning_each()
    {
        _folder.Write("homeserver.yaml", ConfigFolder.Least + "presence: {enabled: true, idle_timeout: 1m}\n");
        _folder.Write("conf.d/20.yaml", "server_name: second.example.org\n");
        _folder.Write("conf.d/10.yaml", "server_name: first.example.org\npresence: {enabled: false}\n");
        _folder.Write("conf.d/30.yaml", "# nothing\n");
        _folder.Write("conf.d/notes.txt", "x");
        Directory.CreateDirectory(_folder.PathOf("conf.d/sub.yaml"));

        var loaded = await _folder.LoadAsync("homeserver.yaml", "conf.d");

        var config = loaded.Config!;
        Assert.That(config.ServerName, Is.EqualTo("second.example.org"));
        Assert.That(config.Settings.Map("presence").Has("idle_timeout"), Is.False);
        Assert.That(
            config.Files.Select(Path.GetFileName), Is.EqualTo(new[] { "homeserver.yaml", "10.yaml", "20.yaml" }));
        Assert.That(config.SigningKey.File, Is.EqualTo(_folder.PathOf("conf.d/second.example.org.signing.key")));
        var warnings = loaded.Warnings.Select(warning => warning.ToString().Replace(_folder.Root, "~")).ToList();
        Assert.That(
            warnings,
            Is.SupersetOf(new[]
            {
                "~/conf.d/10.yaml:1: `server_name` replaces that of ~/homeserver.yaml:1",
                "~/conf.d/20.yaml:1: `server_name` replaces that of ~/conf.d/10.yaml:1",
                "~/conf.d/30.yaml: empty",
            }));
        Assert.That(warnings.Count(warning => warning.Contains("not read")), Is.EqualTo(2));
        Assert.That(warnings, Has.Count.EqualTo(6));
    }

    [Test]
    public async Task Missing_and_unreadable_files_are_typed_problems()
    {
        _folder.Write("list.yaml", "- a\n");
        _folder.Write("broken.yaml", "a: [\n");
        Directory.CreateDirectory(_folder.PathOf("empty"));

        var loaded = await _folder.LoadAsync("absent.yaml", "list.yaml", "broken.yaml");
        var none = await _folder.LoadAsync("empty");
        var nothing = await _folder.LoadAsync();

        Assert.That(loaded.Config, Is.Null);
        Assert.That(
            loaded.Problems.Select(problem => problem.Kind),
            Is.EqualTo(new[] { ConfigProblemKind.FileMissing, ConfigProblemKind.NotAMap, ConfigProblemKind.NotYaml }));
        Assert.That(none.Problems.Single().Kind, Is.EqualTo(ConfigProblemKind.NoConfiguration));
        Assert.That(nothing.Problems.Single().Kind, Is.EqualTo(ConfigProblemKind.NoConfiguration));
    }

    [TestCase("server_name: 5\n", "WrongType server_name")]
    [TestCase("server_name: not a name\n", "WrongValue server_name")]
    [TestCase("server_name:\n", "SettingMissing server_name")]
    [TestCase("database: {name: oracle}\n", "WrongValue database.name")]
    [TestCase("database: {name: sqlite3, args: {}}\n", "SettingMissing database.args.database")]
    [TestCase("database: [1]\n", "WrongType database")]
    [TestCase("database: {name: psycopg2, args: {port: x}}\n", "WrongValue database.args.port")]
    [TestCase("database: {name: psycopg2, args: {service: x}}\n", "WrongValue database.args.service")]
    [TestCase("database: {name: psycopg2, args: {sslmode: x}}\n", "WrongValue database.args.sslmode")]
    [TestCase("databases: {m: {name: sqlite3, args: {database: a}}}\n", "Conflict databases")]
    [TestCase("macaroon_secret_key: a\nmacaroon_secret_key_path: b\n", "Conflict macaroon_secret_key_path")]
    [TestCase("form_secret_path: absent\n", "FileMissing form_secret_path")]
    [TestCase("app_service_config_files: [absent.yaml]\n", "FileMissing app_service_config_files")]
    [TestCase("app_service_config_files: x\n", "WrongType app_service_config_files")]
    [TestCase("oidc_providers: [{idp_id: a, client_id: b}]\n", "SettingMissing oidc_providers.issuer")]
    [TestCase("modules: [{config: {}}]\n", "SettingMissing modules.module")]
    [TestCase("media_storage_providers: [{module: file_system}]\n",
        "SettingMissing media_storage_providers.config.directory")]
    [TestCase("old_signing_keys: {\"ed25519:a\": {key: x}}\n", "WrongValue old_signing_keys.ed25519:a")]
    public async Task A_value_that_Synapse_would_refuse_is_named(string lines, string expected) =>
        Assert.That(await _folder.ProblemsAsync(lines), Has.Some.EqualTo(expected));

    [Test]
    public async Task Without_a_database_there_is_a_problem()
    {
        _folder.Write("homeserver.yaml", "server_name: example.org\n");

        var loaded = await _folder.LoadAsync("homeserver.yaml");

        Assert.That(loaded.Problems.Single().ToString(), Does.EndWith("`database`: Synapse needs a database"));
    }

    [Test]
    public async Task Relative_paths_begin_where_Synapse_runs()
    {
        _folder.Write("etc/homeserver.yaml", ConfigFolder.Least + """
            media_store_path: media
            pid_file: synapse.pid
            form_secret_path: etc/form
            """);
        _folder.Write("etc/form", "the form secret\n");

        var config = (await _folder.LoadAsync("etc/homeserver.yaml")).Config!;

        Assert.That(config.MainDatabase.SqliteFile, Is.EqualTo(_folder.PathOf("homeserver.db")));
        Assert.That(config.StateDatabase, Is.SameAs(config.MainDatabase));
        Assert.That(config.Media.Folder, Is.EqualTo(_folder.PathOf("media")));
        Assert.That(config.PidFile, Is.EqualTo(_folder.PathOf("synapse.pid")));
        Assert.That(config.FormSecret!.Reveal(), Is.EqualTo("the form secret"));
        Assert.That(config.SigningKey.File, Is.EqualTo(_folder.PathOf("etc/example.org.signing.key")));
    }

    [Test]
    public async Task Folders_of_a_container_are_where_the_operator_says()
    {
        _folder.Write("volume/homeserver.yaml", """
            server_name: example.org
            database: {name: psycopg2, args: {user: u, host: /data/run/pg}}
            media_store_path: /data/media
            pid_file: synapse.pid
            form_secret_path: /data/secrets/form
            signing_key_path: /database.key
            """);
        _folder.Write("secrets/form", "f");
        var paths = new SynapsePaths("/data")
        {
            Moved = new Dictionary<string, string>
            {
                ["/data"] = _folder.PathOf("volume"),
                ["/data/secrets/"] = _folder.PathOf("secrets"),
            },
        };

        var config = (await _folder.LoadAsync(paths, "volume/homeserver.yaml")).Config!;

        Assert.That(config.Media.Folder, Is.EqualTo(_folder.PathOf("volume/media")));
        Assert.That(config.PidFile, Is.EqualTo(_folder.PathOf("volume/synapse.pid")));
        Assert.That(config.FormSecret!.Reveal(), Is.EqualTo("f"));
        Assert.That(config.SigningKey.File, Is.EqualTo("/database.key"));
        Assert.That(
            new NpgsqlConnectionStringBuilder(config.MainDatabase.ConnectionString!.Reveal()).Host,
            Is.EqualTo(_folder.PathOf("volume/run/pg")));
    }

    [Test]
    public async Task A_connection_of_psycopg2_becomes_one_of_Npgsql()
    {
        var config = await _folder.ReadAsync("""
            database:
              name: psycopg2
              txn_limit: 10000
              args: {user: synapse, password: "p;a'ss", dbname: matrix, host: db.example.org, port: 5433,
                sslmode: verify-full, sslrootcert: ca.pem, cp_min: 5, cp_max: 10, keepalives_idle: 10}
            """);

        var connection = new NpgsqlConnectionStringBuilder(config.MainDatabase.ConnectionString!.Reveal());
        Assert.That(connection.Host, Is.EqualTo("db.example.org"));
        Assert.That(connection.Port, Is.EqualTo(5433));
        Assert.That(connection.Username, Is.EqualTo("synapse"));
        Assert.That(connection.Password, Is.EqualTo("p;a'ss"));
        Assert.That(connection.Database, Is.EqualTo("matrix"));
        Assert.That(connection.SslMode, Is.EqualTo(SslMode.VerifyFull));
        Assert.That(connection.RootCertificate, Is.EqualTo(_folder.PathOf("ca.pem")));
        Assert.That(config.MainDatabase.Description, Is.EqualTo("PostgreSQL matrix at db.example.org:5433"));
        Assert.That($"{config.MainDatabase}", Does.Not.Contain("p;a'ss"));
    }

    [Test]
    public async Task A_folder_of_a_socket_and_a_password_of_digits_are_fine()
    {
        var config = await _folder.ReadAsync(
            "database: {name: psycopg2, args: {user: u, password: 1234, database: d, host: /run/pg}}\n");

        var connection = new NpgsqlConnectionStringBuilder(config.MainDatabase.ConnectionString!.Reveal());
        Assert.That(connection.Host, Is.EqualTo("/run/pg"));
        Assert.That(connection.Port, Is.EqualTo(5432));
        Assert.That(connection.Password, Is.EqualTo("1234"));
    }

    [Test]
    public async Task State_groups_may_be_in_a_database_of_their_own()
    {
        _folder.Write("homeserver.yaml", """
            server_name: example.org
            databases:
              basement: {name: psycopg2, data_stores: [main], args: {user: u, dbname: main}}
              attic: {name: psycopg2, data_stores: [state], args: {user: u, dbname: state}}
            """);

        var config = (await _folder.LoadAsync("homeserver.yaml")).Config!;

        Assert.That(config.MainDatabase.Label, Is.EqualTo("basement"));
        Assert.That(config.StateDatabase.Label, Is.EqualTo("attic"));
        Assert.That(config.StateDatabase.Description, Does.StartWith("PostgreSQL state at "));
    }

    [Test]
    public async Task Secrets_are_read_from_their_files_and_never_printed()
    {
        _folder.Write("secret", "from-a-file\n");
        var config = await _folder.ReadAsync("""
            macaroon_secret_key_path: secret
            registration_shared_secret: in-the-file
            password_config: {pepper: salt-and-pepper}
            """);

        Assert.That(config.MacaroonSecret!.Reveal(), Is.EqualTo("from-a-file"));
        Assert.That(config.RegistrationSecret!.Reveal(), Is.EqualTo("in-the-file"));
        Assert.That(config.Passwords.Pepper!.Reveal(), Is.EqualTo("salt-and-pepper"));
        Assert.That($"{config}", Does.Not.Contain("from-a").And.Not.Contain("in-the-").And.Not.Contain("salt"));
    }

    [Test]
    public async Task Macaroons_have_the_registration_secret_if_they_have_none_of_their_own()
    {
        Assert.That(
            (await _folder.ReadAsync("registration_shared_secret: r\n")).MacaroonSecret!.Reveal(), Is.EqualTo("r"));
        Assert.That((await _folder.ReadAsync("")).MacaroonSecret, Is.Null);
    }

    [Test]
    public async Task Media_may_be_in_folders_and_buckets()
    {
        var config = await _folder.ReadAsync("""
            media_store_path: /media
            enable_local_media_storage: false
            media_storage_providers:
              - {module: file_system, store_local: true, store_remote: true, config: {directory: /more}}
              - module: s3_storage_provider.S3StorageProviderBackend
                store_local: true
                config: {bucket: b, prefix: p/, region_name: eu, endpoint_url: "https://s3", access_key_id: id,
                  secret_access_key: key}
              - {module: my.Own, config: {}}
            """);

        var media = config.Media;
        Assert.That(media.HasFolder, Is.False);
        Assert.That(
            media.Providers.Select(provider => provider.Kind),
            Is.EqualTo(new[] { MediaProviderKind.Folder, MediaProviderKind.S3, MediaProviderKind.Other }));
        Assert.That(media.Providers[0].Folder, Is.EqualTo("/more"));
        Assert.That(media.Providers[1], Has.Property("Bucket").EqualTo("b").And.Property("Prefix").EqualTo("p/")
            .And.Property("Region").EqualTo("eu").And.Property("EndPoint").EqualTo("https://s3")
            .And.Property("AccessKey").EqualTo("id").And.Property("HasRemote").EqualTo(false));
        Assert.That(media.Providers[1].SecretKey!.Reveal(), Is.EqualTo("key"));
    }

    [TestCase("", true, true)]
    [TestCase("password_config: {enabled: false}\n", false, false)]
    [TestCase("password_config: {enabled: only_for_reauth}\n", false, true)]
    [TestCase("password_config: {localdb_enabled: false}\n", false, true)]
    [TestCase("matrix_authentication_service: {enabled: true, secret: s}\n", false, false)]
    public async Task Passwords_of_the_database_count_or_do_not(string lines, bool carried, bool confirming)
    {
        var passwords = (await _folder.ReadAsync(lines)).Passwords;

        Assert.That(passwords.AreCarried, Is.EqualTo(carried));
        Assert.That(passwords.AreForConfirming, Is.EqualTo(confirming));
    }

    [Test]
    public async Task People_of_a_provider_are_known_by_sub_or_by_something_else()
    {
        static string Provider(string id, string mapping) =>
            "  - {idp_id: " + id + ", issuer: \"https://id\", client_id: c, idp_name: N" + mapping + "}\n";

        var config = await _folder.ReadAsync(
            "oidc_providers:\n"
            + Provider("a", "")
            + Provider("b", ", user_mapping_provider: {config: {subject_claim: email}}")
            + Provider("c", ", user_mapping_provider: {config: {subject_template: '{{ user.sub }}'}}")
            + Provider("d", ", user_mapping_provider: {config: {subject_template: '{{ user.sub | upper }}'}}")
            + Provider("e", ", user_mapping_provider: {module: my.Mapper, config: {}}")
            + "oidc_config: {enabled: true, issuer: 'https://old', client_id: c, client_secret: s}\n");

        Assert.That(
            config.SignOnProviders.Select(each => (each.AuthProvider, each.MapsBySubject, each.MappedBy)),
            Is.EqualTo(new[]
            {
                ("oidc-a", true, "sub"), ("oidc-b", false, "email"), ("oidc-c", true, "sub"),
                ("oidc-d", false, "template {{ user.sub | upper }}"), ("oidc-e", false, "module my.Mapper"),
                ("oidc", true, "sub"),
            }));
        Assert.That(config.SignOnProviders[^1].ClientSecret!.Reveal(), Is.EqualTo("s"));
    }

    [Test]
    public async Task Other_ways_of_signing_in_and_modules_are_known()
    {
        var config = await _folder.ReadAsync("""
            saml2_config: {sp_config: {metadata: {}}}
            cas_config: {enabled: true, server_url: "https://cas"}
            jwt_config: {enabled: true, secret: s, algorithm: HS256}
            ldap_config: {enabled: true}
            modules: [{module: ldap_auth_provider.LdapAuthProviderModule, config: {}}, {module: spam.Mjolnir}]
            password_providers: [{module: rest_auth_provider.RestAuthProvider, config: {}}]
            spam_checker: {module: old.Spam, config: {}}
            third_party_event_rules: {module: old.Rules, config: {}}
            presence: {presence_router: {module: old.Router}}
            """);

        Assert.That(config.OtherSignIns, Is.EqualTo(new OtherSignIns(true, true, true)));
        Assert.That(
            config.Modules.Select(module => (module.Setting, module.Name, module.MayCheckPasswords)),
            Is.EqualTo(new[]
            {
                ("ldap_config", "ldap_auth_provider.LdapAuthProvider", true),
                ("modules", "ldap_auth_provider.LdapAuthProviderModule", true),
                ("modules", "spam.Mjolnir", false),
                ("password_providers", "rest_auth_provider.RestAuthProvider", true),
                ("spam_checker", "old.Spam", false),
                ("third_party_event_rules", "old.Rules", false),
                ("presence.presence_router", "old.Router", false),
            }));
    }

    [Test]
    public async Task Authentication_elsewhere_is_known_in_both_forms()
    {
        const string service = "matrix_authentication_service";
        var stable = await _folder.ReadAsync(service + ": {enabled: true, endpoint: 'http://m'}\n");
        var unstable = await _folder.ReadAsync(
            "experimental_features: {msc3861: {enabled: true, issuer: \"https://i\"}}\n");
        var none = await _folder.ReadAsync("matrix_authentication_service: {enabled: false}\n");

        Assert.That(stable.Delegated, Is.EqualTo(new DelegatedAuthentication(service, "http://m")));
        Assert.That(
            unstable.Delegated, Is.EqualTo(new DelegatedAuthentication("experimental_features.msc3861", "https://i")));
        Assert.That(none.Delegated, Is.Null);
    }

    [Test]
    public async Task Workers_notices_approval_and_services_are_known()
    {
        _folder.Write("irc.yaml", "id: irc-bridge\nas_token: a\nhs_token: h\n");
        var config = await _folder.ReadAsync("""
            instance_map: {main: {host: h, port: 1}, w1: {host: h, port: 2}}
            federation_sender_instances: [f1, f2]
            stream_writers: {events: [w1, w2], typing: w1}
            server_notices: {system_mxid_localpart: notices}
            experimental_features: {msc3866: {enabled: true, require_approval_for_new_accounts: true}}
            email: {notif_from: a@b.c, enable_notifs: true}
            app_service_config_files: [irc.yaml]
            old_signing_keys: {"ed25519:old": {key: abc, expired_ts: 1500000000000}}
            """);

        Assert.That(config.Workers.Instances, Is.EqualTo(new[] { "w1" }));
        Assert.That(config.Workers.FederationSenders, Is.EqualTo(new[] { "f1", "f2" }));
        Assert.That(config.Workers.StreamWriters["typing"], Is.EqualTo(new[] { "w1" }));
        Assert.That(config.NoticesUser, Is.EqualTo("@notices:example.org"));
        Assert.That(config.NeedsApproval && config.HasMailPushers, Is.True);
        Assert.That(config.AppServices.Single().Id, Is.EqualTo("irc-bridge"));
        Assert.That(config.OldSigningKeys.Single().ExpiredAt.Year, Is.EqualTo(2017));
    }

    [Test]
    public async Task Parts_of_an_import_are_told_what_they_need()
    {
        Directory.CreateDirectory(_folder.PathOf("media"));
        var settings = ConfiguredSource.Of(await _folder.ReadAsync("""
            media_store_path: media
            server_notices: {system_mxid_localpart: notices}
            federation_sender_instances: [f1, f2]
            password_config: {enabled: false}
            oidc_providers:
              - {idp_id: a, issuer: "https://a", client_id: c}
              - {idp_id: b, issuer: "https://b", client_id: c, user_mapping_provider: {config: {subject_claim: email}}}
            """));
        var none = ConfiguredSource.Of(await _folder.ReadAsync("enable_local_media_storage: false\n"));

        Assert.That(settings.NoticesUser, Is.EqualTo("notices"));
        Assert.That(settings.FederationSenders, Is.EqualTo(2));
        Assert.That(settings.HasPasswords || settings.HasMailPushers || settings.NeedsApproval, Is.False);
        Assert.That(
            settings.IdentityProviders, Is.EqualTo(new Dictionary<string, string> { ["oidc-a"] = "https://a" }));
        Assert.That(none.NoticesUser, Is.Null);
        Assert.That(none.HasPasswords, Is.True);
    }

    [Test]
    public async Task Without_settings_about_workers_the_main_process_sends()
    {
        var workers = (await _folder.ReadAsync("")).Workers;

        Assert.That(workers.FederationSenders, Is.EqualTo(new[] { "master" }));
        Assert.That(workers.HasWorkers, Is.False);
    }
}
