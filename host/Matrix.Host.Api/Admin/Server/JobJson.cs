using System.Text.Json;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Storage.Tables.Jobs;

namespace Matrix.Host.Api.Admin.Server;

/// <summary>Jobs in responses, in the words of tools.</summary>
internal static class JobJson
{
    /// <summary>The word for where a job is.</summary>
    internal static string StatusOf(JobState state) => state switch
    {
        JobState.Waiting => "scheduled",
        JobState.Running => "active",
        JobState.Done => "complete",
        JobState.Failed => "failed",
        _ => "cancelled",
    };

    /// <summary>Writes a job of any kind.</summary>
    internal static void Write(Utf8JsonWriter json, JobRow job)
    {
        json.WriteString("id", job.JobId);
        json.WriteString("kind", job.Kind);
        json.WriteString("subject", job.Subject);
        json.WriteString("status", StatusOf(job.State));
        json.WriteNumber("done", job.Done);
        json.WriteNumber("total", job.Total);
        json.WriteString("who", job.Who);
        json.WriteNumber("created_ts", job.CreatedAt);
        json.WriteNumber("changed_ts", job.ChangedAt);
        json.WriteString("error", job.Error);
    }

    /// <summary>Writes the status of the deletion of a room.</summary>
    internal static void WriteDeletion(Utf8JsonWriter json, JobRow job)
    {
        json.WriteString("delete_id", job.JobId);
        json.WriteString("room_id", job.Subject);
        json.WriteString("status", StatusOf(job.State));
        if (job.State == JobState.Failed) json.WriteString("error", job.Error);
        json.WriteStartObject("shutdown_room");
        WriteShutdown(json, RoomDeletionProgress.Of(job));
        json.WriteEndObject();
    }

    /// <summary>Writes what a deletion did to members and aliases.</summary>
    internal static void WriteShutdown(Utf8JsonWriter json, RoomDeletionProgress progress)
    {
        WriteTexts(json, "kicked_users", progress.Left);
        WriteTexts(json, "failed_to_kick_users", progress.NotLeft);
        WriteTexts(json, "local_aliases", progress.Aliases);
        json.WriteString("new_room_id", progress.NewRoomId);
    }

    /// <summary>Writes a list of texts.</summary>
    internal static void WriteTexts(Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts) json.WriteStringValue(text);
        json.WriteEndArray();
    }
}
