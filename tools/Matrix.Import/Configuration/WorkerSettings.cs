using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration;

/// <summary>The processes of which Synapse consists.</summary>
/// <param name="Instances">The workers of `instance_map`, without the main process.</param>
/// <param name="FederationSenders">The processes that send to other servers; the main one is `master`.</param>
/// <param name="StreamWriters">The processes that write each stream of `stream_writers`.</param>
public sealed record WorkerSettings(
    IReadOnlyList<string> Instances,
    IReadOnlyList<string> FederationSenders,
    IReadOnlyDictionary<string, IReadOnlyList<string>> StreamWriters)
{
    private const string Main = "master";

    /// <summary>Whether other processes than the main one work.</summary>
    public bool HasWorkers => Instances.Count > 0 || FederationSenders.Any(static name => name != Main);

    internal static WorkerSettings Read(SettingMap root)
    {
        var writers = root.Map("stream_writers");
        return new WorkerSettings(
            [.. root.Map("instance_map").Members.Keys.Where(static name => name is not ("main" or Main))],
            root.Has("federation_sender_instances") ? root.Texts("federation_sender_instances") : [Main],
            writers.Members.Keys.ToDictionary(static name => name, writers.TextOrTexts, StringComparer.Ordinal));
    }
}
