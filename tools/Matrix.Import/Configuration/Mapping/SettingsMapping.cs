using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Makes this server's configuration of Synapse's.</summary>
public static class SettingsMapping
{
    /// <summary>The mapping's parts. Those that look at what others have set come after them.</summary>
    private static readonly Action<MappingContext>[] _parts =
    [
        SignInMapping.Map, ListenerMapping.Map, BaseUrlMapping.Map, ServerMapping.Map, RoomMapping.Map,
        RetentionMapping.Map, ProfileMapping.Map, FederationMapping.Map, NetworkMapping.Map, MediaMapping.Map,
        PreviewMapping.Map, RateMapping.Map, MailMapping.Map, RegistrationMapping.Map, SessionMapping.Map,
        TurnMapping.Map, AppServiceMapping.Map, SsoMapping.Map, DifferentDefaults.Map,
    ];

    /// <summary>Maps a configuration.</summary>
    /// <param name="config">Synapse's configuration.</param>
    /// <param name="options">What the operator says of the new server.</param>
    public static MappedSettings Map(SynapseConfig config, MappingOptions options)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(options);
        var problems = new ConfigProblems();
        var to = new MappingContext(config, config.Settings.With(problems), new OurSettings(), new Findings(), []);
        to.Ours.Set("server_name", config.ServerName);
        if (options.DatabaseUrl.Length > 0) to.Ours.Set("database.url", options.DatabaseUrl);
        foreach (var part in _parts) part(to);
        new TableWalk(to.Findings).Visit(to.From);
        foreach (var problem in problems.Found)
        {
            to.Findings.Refuse(problem.Setting, $"Its value is not carried ({problem.Location}): {problem.Message}.");
        }

        return new MappedSettings(new CarriedConfig(to.Ours, to.Files), to.Findings.Found);
    }
}
