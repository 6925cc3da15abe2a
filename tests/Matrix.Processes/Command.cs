using System.Diagnostics;
using System.Text.Json;

namespace Matrix.Processes;

/// <summary>The exit code and output of a run of `mx`.</summary>
public sealed record Ran(int Code, string Output, string Errors)
{
    /// <summary>The output as JSON.</summary>
    public JsonElement Json => JsonDocument.Parse(Output).RootElement;
}

/// <summary>Runs the real `mx` as a process, with only the test's environment variables.</summary>
public static class Command
{
    /// <summary>The built `mx`.</summary>
    public static string Tool { get; } = Path.Combine(
        Repository.Root, "tools", "Matrix.Cli", "bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name,
        "net10.0", "mx.dll");

    /// <summary>Runs it without further variables.</summary>
    public static Task<Ran> RunAsync(params string[] arguments) =>
        RunInAsync(new Dictionary<string, string>(), "", arguments);

    /// <summary>Runs it with these variables and this input.</summary>
    /// <param name="environment">Further variables.</param>
    /// <param name="input">Standard input.</param>
    /// <param name="arguments">The arguments.</param>
    public static async Task<Ran> RunInAsync(
        IReadOnlyDictionary<string, string> environment, string input, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Tool, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MATRIX_", StringComparison.Ordinal))
            .ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        return new Ran(process.ExitCode, await output, await errors);
    }
}
