using Matrix.Host.Rooms;
using Matrix.Host.Storage.Tables.Jobs;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>Links to jobs, to which acts on rooms and users lead.</summary>
internal static class JobLink
{
    internal const string Page = "job";

    /// <summary>The link to a job.</summary>
    internal static string To(string jobId) => Link.To(Page, ("id", jobId));

    /// <summary>The result of an action that begins a job.</summary>
    /// <param name="begun">The job, or why it did not begin.</param>
    /// <param name="back">The page to which the browser goes on then.</param>
    internal static AdminActionResult ResultOf(RoomResult<JobRow> begun, string back) => begun.IsOk
        ? AdminActionResult.Done(To(begun.Value.JobId), "The job has begun. It goes on in the background.")
        : AdminActionResult.Of(back, begun.Failure.Message, "");
}
