using System.Collections;
using System.Text;
using Matrix.Host.Storage;

namespace Matrix.Host.Configuration;

/// <summary>
/// The configuration file: the one that is named, or `homeserver.yaml` in the data folder. The data folder is named by
/// the environment; otherwise it is `data` in the current folder (or in MATRIX_HOME).
/// </summary>
internal static class ConfigLocation
{
    private const string FileName = "homeserver.yaml";
    private const string DefaultFolder = "data";

    /// <summary>The file, and whether it was named: a named file must exist, any other is created.</summary>
    internal static (string File, bool IsNamed) Find(string? argument, IDictionary environment)
    {
        string? Variable(string name) => environment[name] is string { Length: > 0 } value ? value : null;

        if ((argument ?? Variable("MATRIX_CONFIG")) is { } named) return (Path.GetFullPath(named), true);
        var folder = Variable(Setting.VariableOf("data_dir"))
            ?? Path.Combine(Variable("MATRIX_HOME") ?? "", DefaultFolder);
        return (Path.GetFullPath(FileName, Path.GetFullPath(folder)), false);
    }

    /// <summary>Reads the file and the environment.</summary>
    internal static (HomeserverConfig? Config, IReadOnlyList<ConfigMistake> Mistakes) Load(
        string file, IDictionary environment)
    {
        string? text;
        try
        {
            text = File.Exists(file) ? File.ReadAllText(file) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, [new ConfigMistake(file, $"cannot be read: {e.Message}")]);
        }

        var (values, mistakes) = ConfigValues.Read(file, text, environment);
        return mistakes.Count > 0 ? (null, mistakes) : HomeserverConfig.From(values, Path.GetDirectoryName(file)!);
    }

    /// <summary>Writes the commented file of a first start with the server's name.</summary>
    /// <exception cref="IOException">It cannot be written; the message names the file.</exception>
    internal static void Write(string file, string serverName)
    {
        try
        {
            WriteWhole(file, serverName);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{file}: cannot be written: {fault.Message}", fault);
        }
    }

    private static void WriteWhole(string file, string serverName)
    {
        OwnFiles.MakeFolder(Path.GetDirectoryName(file)!);
        // Written under another name first: an interrupted start must not leave a partial file, which the next start
        // would refuse.
        var aside = file + ".new";
        File.Delete(aside);

        // Readable by its owner only: it may come to hold a secret.
        using (var to = OwnFiles.Open(aside, FileMode.CreateNew))
        {
            to.Write(Encoding.UTF8.GetBytes(ConfigTemplate.Write(serverName)));
            to.Flush(flushToDisk: true);
        }

        File.Move(aside, file, overwrite: false);
    }
}
