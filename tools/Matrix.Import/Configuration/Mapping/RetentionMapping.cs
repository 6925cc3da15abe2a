namespace Matrix.Import.Configuration.Mapping;

/// <summary>How long messages and empty rooms are kept.</summary>
internal static class RetentionMapping
{
    internal static void Map(MappingContext to)
    {
        to.Ours.Set("retention.empty_rooms", to.From.Duration("forgotten_room_retention_period"));
        var retention = to.From.Map("retention");
        if (!retention.Flag("enabled", false)) return;
        to.Ours.Set("retention.follow_rooms", true);
        to.Ours.Set("retention.messages", retention.Map("default_policy").Duration("max_lifetime"));

        // Synapse has no bound by default.
        to.Ours.Set("retention.shortest", retention.Duration("allowed_lifetime_min") ?? TimeSpan.FromSeconds(1));
        to.Ours.Set("retention.longest", retention.Duration("allowed_lifetime_max"));
        var intervals = retention.Maps("purge_jobs").Select(static job => job.Duration("interval"))
            .OfType<TimeSpan>().Where(static interval => interval > TimeSpan.Zero).ToList();
        if (intervals.Count > 0) to.Ours.Set("retention.interval", intervals.Min());
    }
}
