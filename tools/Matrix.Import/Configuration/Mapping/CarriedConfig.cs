using System.Text;
using Matrix.Host.Configuration;
using Matrix.Host.Storage;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>This server's configuration, made of Synapse's: `homeserver.yaml` and the files that it names.</summary>
public sealed class CarriedConfig
{
    /// <summary>The name of the file of settings.</summary>
    public const string FileName = "homeserver.yaml";

    private const UnixFileMode Own = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    internal CarriedConfig(OurSettings settings, IReadOnlyList<CarriedFile> others)
    {
        Settings = settings.Values;

        // What it names comes first, so that a server never starts without it.
        Files = [.. others, new CarriedFile(FileName, Encoding.UTF8.GetBytes(TextOf(settings.Values)))];
    }

    /// <summary>The files, that of settings last.</summary>
    public IReadOnlyList<CarriedFile> Files { get; }

    /// <summary>The settings by name, as written in YAML. They have secrets.</summary>
    internal IReadOnlyDictionary<string, string> Settings { get; }

    /// <summary>Writes the files that do not exist yet. If one exists with another content, none is written.</summary>
    /// <param name="folder">The folder, which is made unless it exists.</param>
    /// <param name="stop">Ends the writing.</param>
    public async Task<ConfigWriting> WriteAsync(string folder, CancellationToken stop)
    {
        var unchanged = new List<string>();
        var missing = new List<(CarriedFile File, string Path)>();
        var at = folder;
        try
        {
            foreach (var file in Files)
            {
                at = Path.GetFullPath(file.Name, Path.GetFullPath(folder));
                if (!File.Exists(at))
                {
                    missing.Add((file, at));
                    continue;
                }

                var there = await File.ReadAllBytesAsync(at, stop);
                if (!file.Content.Span.SequenceEqual(there)) return new ConfigWriting.Differs(at);
                File.SetUnixFileMode(at, Own);
                unchanged.Add(at);
            }

            foreach (var (file, path) in missing)
            {
                at = path;
                await WriteAsync(file, path, stop);
            }
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return new ConfigWriting.Failed(at, fault.Message);
        }

        return new ConfigWriting.Done([.. missing.Select(static each => each.Path)], unchanged);
    }

    private static async Task WriteAsync(CarriedFile file, string path, CancellationToken stop)
    {
        OwnFiles.MakeFolder(Path.GetDirectoryName(path)!);

        // Under another name first: an interrupted import must not leave a part of a file.
        var aside = path + ".new";
        File.Delete(aside);
        await using (var to = OwnFiles.Open(aside, FileMode.CreateNew))
        {
            await to.WriteAsync(file.Content, stop);
            to.Flush(flushToDisk: true);
        }

        File.Move(aside, path, overwrite: false);
    }

    private static string TextOf(IReadOnlyDictionary<string, string> settings)
    {
        var text = new StringBuilder(
            "# Made of Synapse's configuration. `mx config default` prints all settings with their defaults.\n");
        foreach (var group in OperatorSettings.Groups)
        {
            var given = group.Settings.Where(setting => settings.ContainsKey(setting.Name)).ToList();
            if (given.Count == 0) continue;
            text.Append('\n');
            var isGroup = group.Name.Length > 0;
            if (isGroup) text.Append(group.Name).Append(":\n");
            foreach (var setting in given)
            {
                var name = isGroup ? setting.Name[(group.Name.Length + 1)..] : setting.Name;
                text.Append(isGroup ? "  " : "").Append(name).Append(": ").Append(settings[setting.Name]).Append('\n');
            }
        }

        return text.ToString();
    }
}
