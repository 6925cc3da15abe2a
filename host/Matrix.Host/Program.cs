using System.Runtime.InteropServices;
using Matrix.Host.Configuration;
using Matrix.Host.Logging;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host;

/// <summary>The command `matrix-host`, which runs the server. The operator's other commands are in `mx`.</summary>
internal static class Program
{
    private const string Usage = """
        matrix-host [--config FILE]   runs the server; FILE defaults to homeserver.yaml in the data folder
        """;

    private static async Task<int> Main(string[] arguments)
    {
        string? named = null;
        var rest = arguments.ToList();
        if (rest.IndexOf("--config") is >= 0 and var at)
        {
            if (at + 1 == rest.Count) return Refuse($"--config: expected a file name\n{Usage}");
            named = rest[at + 1];
            rest.RemoveRange(at, 2);
        }

        return rest switch
        {
            [] => await ServeAsync(named),
            ["--help" or "-h" or "help"] => Print(Usage + "\n"),
            _ => Refuse($"expected one of:\n{Usage}"),
        };
    }

    private static async Task<int> ServeAsync(string? named)
    {
        var environment = Environment.GetEnvironmentVariables();
        var (file, isNamed) = ConfigLocation.Find(named, environment);
        if (isNamed && !File.Exists(file)) return Refuse($"{file}: there is no such file");

        var (config, mistakes) = ConfigLocation.Load(file, environment);
        if (config is null) return Refuse(string.Join('\n', mistakes));

        using var stopping = new CancellationTokenSource();
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopping.Cancel();
        }

        try
        {
            if (!File.Exists(file))
            {
                ConfigLocation.Write(file, config.ServerName);
                Console.WriteLine($"Wrote {file} with every setting and its default.");
            }

            using var log = LineFormatter.ToStandardOutput(config.LogAsJson);
            await using var server = await Homeserver.StartAsync(config, log, TimeProvider.System, stopping.Token);
            Announce(server, config.ServerName);
            return await server.RunsUntilAsync(stopping.Token)
                ? 0
                : Refuse("The server stops because one of its parts failed. The log says which.");
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return 0;
        }
        catch (Exception fault)
        {
            return Refuse(ExplainOrNull(fault) ?? $"The server failed to start or to stop: {fault}");
        }
    }

    /// <summary>Prints the addresses, and the token of the first user.</summary>
    private static void Announce(Homeserver server, string name)
    {
        Console.WriteLine($"Serving {name} at {server.ClientAddress?.ToString() ?? "no client address"}");
        foreach (var address in server.FederationAddresses)
        {
            var proxy = address.Scheme == "http" ? ", for a proxy with TLS" : "";
            Console.WriteLine($"Serving federation at {address}{proxy}");
        }

        if (server.FirstUserToken is not { } token) return;
        Console.WriteLine(
            $"There are no users yet. Register the first user, an administrator, with the registration token {token}");
        if (server.FirstUserLink is { } link) Console.WriteLine($"In a browser: {link}");
    }

    /// <summary>One line for a failed start with a known cause; null for a fault of the server.</summary>
    private static string? ExplainOrNull(Exception fault) => fault switch
    {
        StorageException storage => $"database: {storage.Message}",
        IOException or UnauthorizedAccessException or InvalidDataException => fault.Message,
        DllNotFoundException missing => $"a library of the system is missing: {missing.Message.Split('\n')[0]}",
        PlatformNotSupportedException { InnerException: { } cause } =>
            $"libsodium cannot be loaded: {cause.Message.Split('\n')[0]}",
        _ => null,
    };

    private static int Refuse(string lines)
    {
        Console.Error.WriteLine(lines);
        return 1;
    }

    private static int Print(string text)
    {
        Console.Write(text);
        return 0;
    }
}
