using Matrix.Host.Storage.Tables.Jobs;

namespace Matrix.Host.Rooms.Jobs;

/// <summary>
/// A kind of job. A job is done in small steps. After a step, its progress is stored; a server that stops in between
/// repeats the step, so a step that was done already must do no harm.
/// </summary>
public interface IJobKind
{
    /// <summary>Its name, such as `room.delete`.</summary>
    string Name { get; }

    /// <summary>Does the next part of a job.</summary>
    /// <param name="job">The job, with the progress of the steps before.</param>
    /// <param name="stop">The server stops.</param>
    /// <exception cref="JobFailedException">The job cannot go on. Other exceptions are retried, for a
    /// while.</exception>
    ValueTask<JobStep> StepAsync(JobRow job, CancellationToken stop);
}

/// <summary>What a job has done so far.</summary>
/// <param name="Done">How much is done, in units of the kind.</param>
/// <param name="Total">How much there is to do; 0 if that is unknown.</param>
/// <param name="Progress">What the next step needs, as JSON.</param>
/// <param name="HasEnded">Whether nothing is left to do.</param>
public sealed record JobStep(long Done, long Total, ReadOnlyMemory<byte> Progress, bool HasEnded);

/// <summary>A job cannot go on. The message is a sentence for administrators.</summary>
public sealed class JobFailedException(string message) : Exception(message);
