using System.Globalization;
using Matrix.Import.Configuration.Reading;
using Npgsql;

namespace Matrix.Import.Configuration;

/// <summary>Reads `database`, `databases` and the old `database_path`.</summary>
internal static class DatabaseSettings
{
    private const string Several = "databases";
    private const string OldPath = "database_path";

    /// <summary>Where libpq looks for the socket if no host is named: Debian's folder, and PostgreSQL's own.</summary>
    private static readonly string[] _socketFolders = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

    /// <summary>Arguments of the pool and of libpq that make no difference to a reader.</summary>
    private static readonly HashSet<string> _passedOver = new(StringComparer.Ordinal)
    {
        "cp_min", "cp_max", "cp_reconnect", "cp_noisy", "cp_openfun", "cp_good_sql", "check_same_thread", "timeout",
        "application_name", "fallback_application_name", "client_encoding", "keepalives", "keepalives_idle",
        "keepalives_interval", "keepalives_count", "connect_timeout", "tcp_user_timeout", "gssencmode",
        "target_session_attrs", "options", "isolation_level",
    };

    internal static IReadOnlyList<SynapseDatabase> Read(SettingMap root)
    {
        if (root.Has(Several))
        {
            if (root.Has("database") || root.Has(OldPath))
            {
                root.Refuse(ConfigProblemKind.Conflict, Several, "`database` or `database_path` is set too");
            }

            var all = root.Map(Several);
            return Checked(root, [.. all.Members.Keys.Select(label => Read(all.Map(label), label))]);
        }

        if (root.FilePath(OldPath) is { } file) return [Sqlite("master", file)];
        if (root.Has("database")) return Checked(root, [Read(root.Map("database"), "master")]);
        root.Refuse(ConfigProblemKind.SettingMissing, "database", "Synapse needs a database");
        return [];
    }

    private static IReadOnlyList<SynapseDatabase> Checked(SettingMap root, IReadOnlyList<SynapseDatabase> databases)
    {
        if (databases.Count(static each => each.HasMain) != 1 || databases.Count(static each => each.HasState) != 1)
        {
            root.Refuse(
                ConfigProblemKind.WrongValue,
                root.Has(Several) ? Several : "database",
                "expected one database with the store `main`, and one with `state`");
        }

        return databases;
    }

    private static SynapseDatabase Read(SettingMap database, string label)
    {
        var stores = database.Has("data_stores") ? database.Texts("data_stores") : ["main", "state"];
        var kind = database.Text("name") ?? "sqlite3";
        var arguments = database.Map("args");
        var read = kind switch
        {
            "sqlite3" => Sqlite(label, arguments),
            "psycopg2" => Postgres(label, arguments),
            _ => new SynapseDatabase(label),
        };
        if (kind is not ("sqlite3" or "psycopg2"))
        {
            database.Refuse(ConfigProblemKind.WrongValue, "name", "expected sqlite3 or psycopg2");
        }

        return read with { HasMain = stores.Contains("main"), HasState = stores.Contains("state") };
    }

    private static SynapseDatabase Sqlite(string label, string file) =>
        new(label) { SqliteFile = file, Description = $"SQLite {file}" };

    private static SynapseDatabase Sqlite(string label, SettingMap arguments)
    {
        if (arguments.FilePath("database") is { } file) return Sqlite(label, file);
        arguments.Refuse(ConfigProblemKind.SettingMissing, "database", "expected the path of the SQLite file");
        return new SynapseDatabase(label);
    }

    private static SynapseDatabase Postgres(string label, SettingMap arguments)
    {
        var name = arguments.AnyText("dbname") ?? arguments.AnyText("database");
        var user = arguments.AnyText("user");
        var host = Host(arguments);
        var port = arguments.AnyText("port") is { } text
            ? int.TryParse(text, CultureInfo.InvariantCulture, out var number) && number is > 0 and < 65536 ? number : 0
            : 5432;
        if (port == 0) arguments.Refuse(ConfigProblemKind.WrongValue, "port", "expected a port");
        var connection = new NpgsqlConnectionStringBuilder
        {
            Host = host,
            Port = port == 0 ? 5432 : port,
            Username = user,
            Password = arguments.AnyText("password"),
            Database = name ?? user,
            SslMode = Mode(arguments),
            RootCertificate = arguments.FilePath("sslrootcert"),
            SslCertificate = arguments.FilePath("sslcert"),
            SslKey = arguments.FilePath("sslkey"),
            SslPassword = arguments.AnyText("sslpassword"),
            Passfile = arguments.FilePath("passfile"),
        };
        RefuseOthers(arguments);
        return new SynapseDatabase(label)
        {
            ConnectionString = new Secret(connection.ConnectionString),
            Description = $"PostgreSQL {name ?? user} at {host}:{connection.Port}",
        };
    }

    private static string Host(SettingMap arguments)
    {
        // An empty host means the socket too. The address, if there is one, saves a look-up.
        if (arguments.Text("hostaddr") is { Length: > 0 } address) return address;
        if (arguments.Text("host") is { Length: > 0 } host) return host[0] == '/' ? arguments.FullPath(host) : host;
        return Array.Find(_socketFolders, Directory.Exists) ?? "localhost";
    }

    private static SslMode Mode(SettingMap arguments)
    {
        switch (arguments.Text("sslmode"))
        {
            case null or "prefer":
                return SslMode.Prefer;
            case "disable":
                return SslMode.Disable;
            case "allow":
                return SslMode.Allow;
            case "require":
                return SslMode.Require;
            case "verify-ca":
                return SslMode.VerifyCA;
            case "verify-full":
                return SslMode.VerifyFull;
            default:
                arguments.Refuse(
                    ConfigProblemKind.WrongValue,
                    "sslmode",
                    "expected disable, allow, prefer, require, verify-ca or verify-full");
                return SslMode.Prefer;
        }
    }

    private static void RefuseOthers(SettingMap arguments)
    {
        string[] read =
        [
            "dbname", "database", "user", "password", "host", "hostaddr", "port", "sslmode", "sslrootcert", "sslcert",
            "sslkey", "sslpassword", "passfile",
        ];
        foreach (var name in arguments.Members.Keys)
        {
            if (read.Contains(name) || _passedOver.Contains(name)) continue;
            arguments.Refuse(
                ConfigProblemKind.WrongValue,
                name,
                "the import does not know this argument: write the connection as host, port, user, password, dbname");
        }
    }
}
