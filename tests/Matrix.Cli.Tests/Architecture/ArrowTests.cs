namespace Matrix.Cli.Tests.Architecture;

/// <summary>
/// Which project uses which, by the references of the compiled assemblies. The picture is in docs/architecture.md.
/// </summary>
internal sealed class ArrowTests
{
    /// <summary>What each project may use: projects, packages and the system's libraries, beside .NET itself.</summary>
    private static readonly Dictionary<string, string> _allowed = new()
    {
        ["Matrix.Rules"] = "FSharp.Core",
        ["Matrix.Core"] = "Matrix.Rules FSharp.Core",
        ["Matrix.Properties"] = "Matrix.Core Matrix.Rules FSharp.Core FsCheck",
        ["Matrix.Proofs"] = "Matrix.Properties Matrix.Core Matrix.Rules FSharp.Core",
        ["Matrix.Host.Crypto"] = "Matrix.Host.Parts NSec.Cryptography BouncyCastle.Cryptography libc",
        ["Matrix.Host.Parts"] = "",
        ["Matrix.Host.Storage"] = "Matrix.Core Matrix.Host.Parts Npgsql libsqlite3.so.0 libc",
        ["Matrix.Host.Cluster"] =
            "Matrix.Core Matrix.Host.Parts Matrix.Host.Storage Npgsql Microsoft.AspNetCore Orleans.Core "
            + "Orleans.Core.Abstractions Orleans.Runtime Orleans.Serialization Orleans.Serialization.Abstractions "
            + "Orleans.Connections.Security Yarp.ReverseProxy Microsoft.Net.Http.Headers",
        ["Matrix.Host.Network"] =
            "Matrix.Core Matrix.Host.Parts Matrix.Host.Storage Matrix.Host.Crypto MailKit MimeKit libunbound.so.8 libc",
        ["Matrix.Host.Rooms"] =
            "Matrix.Core Matrix.Host.Parts Matrix.Host.Storage Matrix.Host.Crypto Matrix.Host.Network",
        ["Matrix.Host.Outbound"] =
            "Matrix.Core Matrix.Host.Parts Matrix.Host.Storage Matrix.Host.Network Matrix.Host.Rooms "
            + "Matrix.Host.Users Matrix.Host.Streams",
        ["Matrix.Host.Media"] =
            "Matrix.Core Matrix.Host.Parts Matrix.Host.Storage Matrix.Host.Network Microsoft.AspNetCore "
            + "Microsoft.Net.Http.Headers AngleSharp AWSSDK.S3 AWSSDK.Core",
        ["Matrix.Host.Users"] =
            "Matrix.Core Matrix.Host.Parts Matrix.Host.Storage Matrix.Host.Crypto Matrix.Host.Network PhoneNumbers "
            + "Microsoft.IdentityModel.JsonWebTokens Microsoft.IdentityModel.Tokens",
        ["Matrix.Host.Streams"] =
            "Matrix.Core Matrix.Host.Parts Matrix.Host.Storage Matrix.Host.Rooms Matrix.Host.Users",
        ["Matrix.Host.Sync"] =
            "Matrix.Core Matrix.Host.Parts Matrix.Host.Storage Matrix.Host.Rooms Matrix.Host.Users Matrix.Host.Streams",
        ["Matrix.Host.Api"] =
            "Matrix.Core Matrix.Host.Parts Matrix.Host.Storage Matrix.Host.Crypto Matrix.Host.Network "
            + "Matrix.Host.Rooms Matrix.Host.Outbound Matrix.Host.Users Matrix.Host.Streams Matrix.Host.Sync "
            + "Matrix.Host.Media Microsoft.AspNetCore Microsoft.Net.Http.Headers",
        ["Matrix.Host"] =
            "Matrix.Core Matrix.Host.Parts Matrix.Host.Storage Matrix.Host.Crypto Matrix.Host.Network "
            + "Matrix.Host.Rooms Matrix.Host.Outbound Matrix.Host.Users Matrix.Host.Streams Matrix.Host.Sync "
            + "Matrix.Host.Media Matrix.Host.Api Matrix.Host.Cluster Microsoft.AspNetCore YamlDotNet",
        ["Matrix.Cli"] =
            "Matrix.Rules Matrix.Core Matrix.Properties Matrix.Proofs Matrix.Backup Matrix.Import Matrix.Host "
            + "Matrix.Host.Api Matrix.Host.Rooms Matrix.Host.Network Matrix.Host.Storage Matrix.Host.Crypto "
            + "FSharp.Core Argu FsCheck Giraffe.ViewEngine",
        ["Matrix.Backup"] = "Matrix.Host.Storage libsodium",
        ["Matrix.Import"] =
            "Matrix.Rules Matrix.Core Matrix.Host Matrix.Host.Storage Matrix.Host.Crypto Matrix.Host.Rooms "
            + "Matrix.Host.Users Npgsql YamlDotNet AWSSDK.S3 AWSSDK.Core libc",
        ["Matrix.LoadGen"] = "libc",
    };

    /// <summary>What looks at the process it runs in: members by prefix, and the projects that may use them.</summary>
    private static readonly Dictionary<string, string> _process = new()
    {
        ["System.Console."] = "Matrix.Host Matrix.Cli Matrix.LoadGen",
        ["System.Environment.GetEnvironmentVariable"] = "Matrix.Host Matrix.Cli Matrix.LoadGen",
        ["System.Diagnostics.Process."] = "Matrix.Host Matrix.Host.Media Matrix.Cli Matrix.LoadGen",
        ["System.Net.Sockets.Socket."] =
            "Matrix.Host Matrix.Host.Network Matrix.Host.Cluster Matrix.Cli Matrix.LoadGen",
        ["System.Net.Sockets.TcpClient."] = "Matrix.LoadGen",
        ["System.Net.Dns."] = "Matrix.LoadGen",
        ["System.Net.Http."] = "Matrix.Host.Network Matrix.Host.Cluster Matrix.Cli Matrix.LoadGen",
    };

    private static IEnumerable<string> Projects => _allowed.Keys;

    private static bool Begins(string name, string with) => name.StartsWith(with, StringComparison.Ordinal);

    /// <summary>The project or package of an assembly; "" for .NET itself, which every project has.</summary>
    private static string PartOf(string assembly) =>
        Begins(assembly, "Microsoft.AspNetCore") ? "Microsoft.AspNetCore"
        : Begins(assembly, "System") || Begins(assembly, "Microsoft.Extensions.") ? ""
        : assembly is "Microsoft.Win32.Primitives" or "netstandard" or "mscorlib" ? ""
        : assembly == "matrix-host" ? "Matrix.Host"
        : assembly;

    /// <summary>The uses of a project that a list of other projects and packages does not have.</summary>
    private static List<string> Beyond(string project, string allowed)
    {
        var names = allowed.Split(' ', StringSplitOptions.RemoveEmptyEntries).Append("").ToHashSet();
        var uses = CompiledAssembly.UsesOf(project).Where(use => !names.Contains(PartOf(use.Assembly)));
        var native = CompiledAssembly.NativeLibrariesOf(project).Where(library => !names.Contains(library));
        return [.. uses.Select(use => use.ToString()).Concat(native.Select(library => $"calls {library}")).Order()];
    }

    [Test]
    public void Every_built_assembly_has_its_row() =>
        Assert.That(CompiledAssembly.Built.Keys, Is.EquivalentTo(Projects));

    [TestCaseSource(nameof(Projects))]
    public void A_project_uses_those_below_it_alone(string project) =>
        Assert.That(Beyond(project, _allowed[project]), Is.Empty);

    [TestCaseSource(nameof(Projects))]
    public void Only_the_outermost_projects_look_at_their_process_and_open_connections(string project)
    {
        var forbidden = _process.Where(row => !row.Value.Split(' ').Contains(project)).Select(row => row.Key).ToList();

        var looking = CompiledAssembly.UsesOf(project)
            .Where(use => forbidden.Any(prefix => Begins($"{use.Namespace}.{use.Type}.{use.Member}", prefix)));

        Assert.That(looking.Select(use => use.ToString()), Is.Empty);
    }

    [Test]
    public void The_arrows_have_no_circle()
    {
        var arrows = _allowed.ToDictionary(
            row => row.Key, row => row.Value.Split(' ').Where(_allowed.ContainsKey).ToHashSet());

        Assert.That(Circles.Among(arrows), Is.Empty);
    }

    [Test]
    public void The_check_sees_a_type_a_member_and_a_library_of_another_project()
    {
        var withoutStorage = Beyond("Matrix.Host.Rooms", "Matrix.Core Matrix.Host.Parts Matrix.Host.Crypto");
        var withoutCrypto = Beyond("Matrix.Host.Rooms", "Matrix.Core Matrix.Host.Parts Matrix.Host.Storage");
        var withoutSqlite = Beyond("Matrix.Host.Storage", "Matrix.Core Matrix.Host.Parts Npgsql libc");

        Assert.That(withoutStorage, Has.Some.Contains("Matrix.Host.Storage.Tables.Rooms.RoomsTable"));
        Assert.That(withoutCrypto, Has.Some.EndsWith("Matrix.Host.Crypto.Ed25519Key.Sign"));
        Assert.That(withoutSqlite, Is.EqualTo(new[] { "calls libsqlite3.so.0" }));
    }
}
