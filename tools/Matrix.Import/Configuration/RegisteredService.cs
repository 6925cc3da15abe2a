using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration;

/// <summary>The registration of an application service: a file of `app_service_config_files`.</summary>
/// <param name="File">The file.</param>
/// <param name="Id">The service's id, by which Synapse's tables name it.</param>
public sealed record RegisteredService(string File, string Id)
{
    /// <summary>The file's text, which has the service's tokens.</summary>
    public Secret Text { get; private init; } = new("");

    internal static IReadOnlyList<RegisteredService> Read(SettingMap root)
    {
        const string setting = "app_service_config_files";
        var services = new List<RegisteredService>();
        foreach (var file in root.Texts(setting))
        {
            if (root.ReadText(setting, file) is not { } text) continue;
            var full = root.FullPath(file);
            var (document, problem) = YamlReader.Read(full, text, []);
            if (document is YamlValue.Map map && map.Find("id") is YamlValue.Text { Value.Length: > 0 } id)
            {
                services.Add(new RegisteredService(full, id.Value) { Text = new Secret(text) });
                continue;
            }

            root.Problems.Add(
                problem?.Kind ?? ConfigProblemKind.WrongValue,
                problem?.Location ?? full,
                setting,
                problem?.Message ?? "expected a registration with an `id`");
        }

        return services;
    }
}
