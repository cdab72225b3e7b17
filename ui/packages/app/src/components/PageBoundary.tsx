import { Component, type ReactNode } from "react";
import { EmptyState } from "./EmptyState";

/** What is shown, and which page that is. */
interface Shown {
  page: string;
  children: ReactNode;
}

/** Keeps a page that fails, or whose script cannot be read, from taking the rest with it. */
export class PageBoundary extends Component<Shown, { problem: string | null }> {
  override state = { problem: null };

  static getDerivedStateFromError(error: unknown): { problem: string } {
    return { problem: error instanceof Error ? error.message : String(error) };
  }

  /** Another page is tried. */
  override componentDidUpdate(before: Shown): void {
    if (before.page !== this.props.page && this.state.problem !== null) this.setState({ problem: null });
  }

  override render(): ReactNode {
    if (this.state.problem === null) return this.props.children;
    return (
      <>
        <EmptyState title="This page failed">{this.state.problem}</EmptyState>
        <button type="button" onClick={() => location.reload()}>
          Reload
        </button>
      </>
    );
  }
}
