using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.AppServices;

/// <summary>The registration files of application services, which can be read again while the server runs.</summary>
internal sealed class AppServiceFiles
{
    private const int MaxFileBytes = 1 << 20;

    private readonly IReadOnlyList<string> _paths;
    private readonly string _serverName;
    private readonly int _mostServices;
    private readonly int _mostNamespaces;
    private byte[] _seen = [];

    /// <param name="paths">Files, and folders of `.yaml` and `.yml` files.</param>
    /// <param name="serverName">This server's name.</param>
    /// <param name="mostServices">The most services.</param>
    /// <param name="mostNamespaces">The most namespaces of a service, of each kind.</param>
    internal AppServiceFiles(IReadOnlyList<string> paths, string serverName, int mostServices, int mostNamespaces)
    {
        _paths = paths;
        _serverName = serverName;
        _mostServices = mostServices;
        _mostNamespaces = mostNamespaces;
    }

    /// <summary>Reads the files at start.</summary>
    /// <exception cref="InvalidDataException">One cannot be used; the message names file and key.</exception>
    internal IReadOnlyList<AppService> Load() =>
        Reload(out var services, out var problem) && problem is not null
            ? throw new InvalidDataException(problem)
            : services;

    /// <summary>
    /// Reads the files again. False if they are as they were the last time, usable or not. Otherwise true, with the
    /// services, or the problem for which the former ones stay.
    /// </summary>
    internal bool Reload(out IReadOnlyList<AppService> services, out string? problem)
    {
        services = [];
        problem = null;
        var texts = new List<(string File, string Text)>();
        try
        {
            foreach (var file in Files()) texts.Add((file, Read(file)));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            problem = fault.Message;
        }

        // The contents are compared, because a file may be a link to another one, with any time.
        var all = problem ?? string.Concat(texts.Select(each => $"{each.File}\0{each.Text}\0"));
        var seen = SHA256.HashData(Encoding.UTF8.GetBytes(all));
        if (seen.AsSpan().SequenceEqual(_seen)) return false;
        _seen = seen;
        if (problem is not null) return true;

        var mistakes = new List<string>();
        services = Parse(texts, mistakes);
        if (mistakes.Count == 0) return true;
        (services, problem) = ([], string.Join('\n', mistakes));
        return true;
    }

    private List<AppService> Parse(List<(string File, string Text)> texts, List<string> mistakes)
    {
        var services = new List<AppService>();
        var ids = new Dictionary<string, string>(StringComparer.Ordinal);
        var tokens = new Dictionary<string, string>(StringComparer.Ordinal);
        if (texts.Count > _mostServices) mistakes.Add($"app_services.files: there are more than {_mostServices} files");
        foreach (var (file, text) in texts.Take(_mostServices))
        {
            var service = RegistrationFile.Read(file, text, _serverName, _mostNamespaces, out var token, mistakes);
            if (service is null) continue;
            if (!ids.TryAdd(service.Id, file)) mistakes.Add($"{file}: `id`: {ids[service.Id]} has the same");
            if (!tokens.TryAdd(token, file)) mistakes.Add($"{file}: `as_token`: {tokens[token]} has the same");
            services.Add(service);
        }

        return services;
    }

    private IEnumerable<string> Files()
    {
        foreach (var path in _paths)
        {
            if (!Directory.Exists(path))
            {
                yield return path;
                continue;
            }

            var inside = Directory.EnumerateFiles(path)
                .Where(static file => Path.GetExtension(file) is ".yaml" or ".yml");
            foreach (var file in inside.Order(StringComparer.Ordinal)) yield return file;
        }
    }

    private static string Read(string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            return stream.Length <= MaxFileBytes
                ? new StreamReader(stream).ReadToEnd()
                : throw new IOException($"it has more than {MaxFileBytes} bytes");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"app_services.files: {file} cannot be read: {fault.Message}", fault);
        }
    }
}
